import ArgumentParser
import Foundation

extension Bench {
    /// One measurement: what every repetition gave.
    struct Row {
        let name: String
        let unit: String
        /// For a person: what was beside it, and what else there is to say.
        var note = ""
        var ours: [Double] = []
        var peer: [Double] = []
        /// What the machine would allow, where that is known.
        var ceilings: [Double] = []

        init(name: String, unit: String) {
            self.name = name
            self.unit = unit
        }

        private var ceiling: Double? { ceilings.isEmpty ? nil : Self.median(ceilings) }

        /// Of the medians.
        var ratio: Double? { peer.isEmpty ? nil : Self.median(ours) / Self.median(peer) }

        static func table(_ rows: [Row]) -> String {
            var lines = [
                pad("", 18) + pad("ours", 26) + pad("ceiling", 10) + pad("peer", 26) + pad("ours / peer", 13) + "unit"
            ]
            for row in rows {
                let ratio = row.ratio.map { String(format: "%.2f", $0) } ?? "–"
                lines.append(
                    pad(row.name, 18) + pad(spread(row.ours), 26) + pad(row.ceiling.map(short) ?? "–", 10)
                        + pad(spread(row.peer), 26) + pad(ratio, 13) + row.unit
                        + (row.note.isEmpty ? "" : "  (\(row.note))"))
            }
            return lines.joined(separator: "\n")
        }

        static func json(_ rows: [Row]) -> String {
            let objects = rows.map { row in
                let ratio = row.ratio.map { String(format: "%.4f", $0) } ?? "null"
                let ceiling = row.ceiling.map { String(format: "%.4f", $0) } ?? "null"
                return """
                    {"name":"\(row.name)","unit":"\(row.unit)","ours":\(object(row.ours)),"peer":\(object(row.peer)),\
                    "ratio":\(ratio),"ceiling":\(ceiling),"note":"\(row.note)"}
                    """
            }
            return "[" + objects.joined(separator: ",\n ") + "]"
        }

        private static func object(_ rates: [Double]) -> String {
            guard !rates.isEmpty else { return "null" }
            return String(
                format: "{\"median\":%.4f,\"min\":%.4f,\"max\":%.4f,\"n\":%d}", median(rates), rates.min()!,
                rates.max()!, rates.count)
        }

        private static func spread(_ rates: [Double]) -> String {
            guard let least = rates.min(), let most = rates.max() else { return "–" }
            return "\(short(median(rates))) (\(short(least))–\(short(most)))"
        }

        private static func short(_ value: Double) -> String { String(format: value < 10 ? "%.2f" : "%.1f", value) }

        static func median(_ rates: [Double]) -> Double {
            let sorted = rates.sorted()
            let middle = sorted.count / 2
            return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
        }

        private static func pad(_ text: String, _ width: Int) -> String {
            text + String(repeating: " ", count: max(1, width - text.count))
        }
    }

    /// A program that times somebody else's engine.
    struct Peer {
        let command: String
        let threads: Int
        /// Repetitions within one call; nil: the program knows none.
        let repeats: Int?

        /// The median rate that the peer prints under `key`.
        func rate(_ words: [String], key: String) throws -> Double {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/bin/sh")
            // The command may have arguments of its own; ours are passed as they are.
            process.arguments =
                ["-c", "exec \(command) \"$@\"", "peers"] + words
                + ["--threads", "\(threads)"] + (repeats.map { ["--repeats", "\($0)"] } ?? [])
            let output = Pipe()
            process.standardOutput = output
            try process.run()
            let data = output.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            guard let object = try? JSONSerialization.jsonObject(with: data) as? [String: Any],
                let figures = object[key] as? [String: Any], let median = figures["median"] as? Double
            else {
                throw ValidationError(
                    "--peers: expected one JSON object with \(key).median from: \(command) \(words.joined(separator: " "))"
                )
            }
            return median
        }
    }
}
