import Checkpoints

/// Instructions with answers as Alpaca has them: a JSON list, or JSONL, of {"instruction", "input" (may be missing or
/// empty), "output"}; or as `lorgnette models answer` writes them, with "answer" and "finish". Those whose "split" is
/// "val" are held back. "picture" is a path, relative to the file's folder; "system" says how to answer, before the message.
public struct InstructionData: Sendable {
    public struct Entry: Sendable, Equatable {
        /// The user's message: the instruction, and the input below it.
        public let message: String
        public let answer: String
        /// False for an answer that was cut at a limit: what ends it is not to be learned.
        public let isWhole: Bool
        /// The picture that it is about, if any: tuning then learns beside what the picture says.
        public let picture: String?
        /// Said before the message, in place of the run's own; nil: that one.
        public let system: String?
        /// File and line (or number in the list), for messages.
        public let place: String
    }

    public let entries: [Entry]

    /// Throws `DataFaults` with every fault of the file at once.
    public init(path: String) throws {
        var faults = DataFaults([])
        var entries: [Entry] = []
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
        func add(_ value: JSONValue, _ place: String) {
            guard let instruction = value["instruction"]?.string, !instruction.isEmpty else {
                return faults.add("\(place): instruction: expected text, found \(value["instruction"]?.kind ?? "none")")
            }
            let given = value["output"] ?? value["answer"]
            guard let output = given?.string, !output.isEmpty else {
                return faults.add("\(place): output: expected text, found \(given?.kind ?? "none")")
            }
            if value["split"]?.string == "val" { return }
            let input = value["input"]?.string ?? ""
            entries.append(
                Entry(
                    message: input.isEmpty ? instruction : instruction + "\n\n" + input, answer: output,
                    isWhole: value["finish"]?.string != "length",
                    picture: value["picture"]?.string.map { $0.hasPrefix("/") ? $0 : folder + $0 },
                    system: value["system"]?.string, place: place))
        }
        let lines = try TextLines.read(path)
        if lines.first?.text.first == "[" {
            guard let list = try JSONValue(path: path).array else {
                throw DataFaults(["\(path): expected a list of instructions"])
            }
            for (i, value) in list.enumerated() { add(value, "\(path): \(i + 1)") }
        } else {
            for (number, line) in lines {
                let place = "\(path):\(number)"
                do {
                    add(try TextLines.json(line, place), place)
                } catch {
                    faults.add(error.first)
                }
            }
        }
        if entries.isEmpty, faults.isEmpty { faults.add("\(path): expected instructions, found none") }
        try faults.check()
        self.entries = entries
    }
}
