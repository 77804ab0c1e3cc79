import Glibc

/// Faults that are injected on purpose, to show that a run survives them.
///
/// A seed decides what befalls whom: the same seed makes the same trouble for the same stage, item and attempt, in
/// whatever order they come. From the third attempt on there is none, so that every run ends.
public struct Chaos: Sendable, Hashable {
    public enum Fault: String, Sendable, CaseIterable {
        /// The worker that was just given the task is killed.
        case kill
        /// The task is never answered, though the worker beats.
        case hang
        /// The worker aborts.
        case crash
        /// The answer takes up to 300 ms longer.
        case slow
        /// Noise on standard output and at the coordinator's endpoint.
        case garbage
        /// A message is lost.
        case drop
        /// A message comes twice.
        case dup
        /// A spoilt copy of a message comes first; one time in eight it comes instead.
        case corrupt
        /// There is no room for the rest of a result line.
        case fullDisk = "full-disk"

        /// One task, one message or, of a full disk, one KiB of results in so many is struck.
        var rarity: UInt64 {
            switch self {
            case .kill: 100
            case .hang: 400
            case .crash: 400
            case .slow: 200
            case .garbage: 500
            case .drop: 1000
            case .dup: 50
            case .corrupt: 50
            case .fullDisk: 2048
            }
        }
    }

    struct Misspelt: Error, CustomStringConvertible { let description: String }

    /// Of a worker's environment: the coordinator's faults.
    public static let variable = "LORGNETTE_CHAOS"
    static let lastAttempt = 2

    public let seed: UInt64
    /// One in so many, by fault.
    public let faults: [Fault: UInt64]
    /// Each fault that was really injected has a line in this file: fault, stage, attempt, item.
    public let log: String

    /// - Parameter faults: `kill,hang,drop`; `kill=20` strikes one in twenty.
    /// - Throws: an error that names a word that is no fault.
    public init(_ faults: String, seed: UInt64, log: String) throws {
        var found: [Fault: UInt64] = [:]
        for word in faults.split(separator: ",", omittingEmptySubsequences: false) {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let fault = Fault(rawValue: String(parts[0])) else {
                let names = Fault.allCases.map(\.rawValue).joined(separator: ", ")
                throw Misspelt(description: "chaos: expected some of \(names), found \"\(word)\"")
            }
            guard let rarity = parts.count == 1 ? fault.rarity : UInt64(parts[1]), rarity > 0 else {
                throw Misspelt(description: "chaos: expected \(fault.rawValue)=N with N from 1, found \"\(word)\"")
            }
            found[fault] = rarity
        }
        self.faults = found
        self.seed = seed
        self.log = log
    }

    /// As a worker's environment has it; `init(text:)` reads it.
    public var text: String {
        let words = faults.map { "\($0.key.rawValue)=\($0.value)" }.sorted().joined(separator: ",")
        return "\(seed):\(words):\(log)"
    }

    /// Nil if it is not `text` of another.
    public init?(text: String) {
        let parts = text.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let seed = UInt64(parts[0]) else { return nil }
        try? self.init(String(parts[1]), seed: seed, log: String(parts[2]))
    }

    /// Whether a fault befalls an attempt at a task; if so, it is written down.
    public func strikes(_ fault: Fault, stage: String, item: String, attempt: Int) -> Bool {
        guard let rarity = faults[fault], attempt <= Chaos.lastAttempt, draw(fault, stage, item, attempt) % rarity == 0
        else { return false }
        record(fault, stage, item, attempt)
        return true
    }

    /// How long a slow answer takes.
    public func delay(stage: String, item: String, attempt: Int) -> Duration {
        .milliseconds(Int(draw(.slow, "delay \(stage)", item, attempt) % 300))
    }

    /// What goes over the wire in place of a message.
    /// - Parameter item: the task's; a Task names it itself.
    public func befall(_ message: Message, stage: String, item: String) -> [Message] {
        let place: String
        let attempt: Int
        switch message.envelope.body {
        case .task(let task): (place, attempt) = ("\(stage):task", Int(task.attempt))
        case .result(let result): (place, attempt) = ("\(stage):result", Int(result.attempt))
        case .failure(let failure): (place, attempt) = ("\(stage):failure", Int(failure.attempt))
        default: return [message]
        }
        if strikes(.drop, stage: place, item: item, attempt: attempt) { return [] }
        if strikes(.dup, stage: place, item: item, attempt: attempt) { return [message, message] }
        guard strikes(.corrupt, stage: place, item: item, attempt: attempt) else { return [message] }
        var spoilt = message
        let draw = draw(.corrupt, "damage \(place)", item, attempt)
        spoilt.damage = Damage(draw: draw)
        return draw % 8 == 0 ? [spoilt] : [spoilt, message]
    }

    /// How many of `count` bytes that are to be written at `start` have room; nil: all.
    public func room(from start: Int64, for count: Int) -> Int? {
        guard let rarity = faults[.fullDisk] else { return nil }
        let step = Int64(clamping: rarity) * 1024
        for number in (start / step)...((start + Int64(count)) / step) {
            let end = number * step + Int64(draw(.fullDisk, "", "", Int(number)) % UInt64(step))
            guard end >= start, end < start + Int64(count) else { continue }
            record(.fullDisk, "results", "\(end)", 1)
            return Int(end - start)
        }
        return nil
    }

    /// FNV-1a of the words, mixed well, so that neighbouring items share no fate.
    private func draw(_ fault: Fault, _ stage: String, _ item: String, _ attempt: Int) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325 ^ seed
        for byte in "\(fault.rawValue)\0\(stage)\0\(item)\0\(attempt)".utf8 {
            hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
        }
        hash = (hash ^ hash >> 33) &* 0xff51_afd7_ed55_8ccd
        hash = (hash ^ hash >> 33) &* 0xc4ce_b9fe_1a85_ec53
        return hash ^ hash >> 33
    }

    private func record(_ fault: Fault, _ stage: String, _ item: String, _ attempt: Int) {
        let descriptor = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let line = "\(fault.rawValue) \(stage) \(attempt) \(item.debugDescription)\n"
        _ = line.withCString { write(descriptor, $0, strlen($0)) }
    }
}
