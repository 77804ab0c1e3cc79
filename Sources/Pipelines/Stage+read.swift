extension Stage {
    static let mostWorkers = 64
    static let shortestDeadline = Duration.milliseconds(10)
    static let longestDeadline = Duration.seconds(24 * 3600)

    /// Reads the keys that every stage knows and keeps the others for the expert. Nil if there is no telling which expert is meant.
    static func read(name: String, at position: Position, _ written: [Setting], _ faults: inout FaultList) -> Stage? {
        var reader = StageReader(name: name, faults: faults)
        defer { faults = reader.faults }
        var stage = Stage(name: name, expert: .named(name), position: position)
        stage.written = written
        let expert = reader.expert(written, at: position)
        for setting in written {
            switch setting.key {
            case "optional": reader.bool(setting).map { stage.optional = $0 }
            case "workers": reader.workers(setting).map { stage.workers = $0 }
            case "deadline": reader.deadline(setting).map { stage.deadline = $0 }
            case "when": (stage.when, stage.whenPosition) = reader.condition(setting)
            case "key": stage.key = reader.key(setting, of: expert)
            default: break
            }
        }
        if case .remote = expert { reader.checkRemote(stage, written) }
        guard let expert else { return nil }
        stage.expert = expert
        return stage
    }
}

private struct StageReader {
    let name: String
    var faults: FaultList

    private mutating func fault(_ setting: Setting, expected: String, hint: String = "") {
        faults.add(
            setting.value.position, "stages.\(name).\(setting.key)",
            "expected \(expected), found \(setting.value.found)\(hint)")
    }

    mutating func bool(_ setting: Setting) -> Bool? {
        if let value = setting.value.bool { return value }
        fault(setting, expected: "true or false")
        return nil
    }

    mutating func workers(_ setting: Setting) -> Int? {
        if let count = setting.value.integer, (1...Stage.mostWorkers).contains(count) { return count }
        fault(setting, expected: "a whole number from 1 to \(Stage.mostWorkers)")
        return nil
    }

    mutating func deadline(_ setting: Setting) -> Duration? {
        guard let text = setting.value.text, let time = TimeSpan.parse(text) else {
            fault(setting, expected: "a time such as 20s, 1m30s or 500ms")
            return nil
        }
        if (Stage.shortestDeadline...Stage.longestDeadline).contains(time) { return time }
        fault(setting, expected: "a time from 10ms to 24h")
        return nil
    }

    mutating func condition(_ setting: Setting) -> (Condition?, Position) {
        guard case .scalar(let text, let isQuoted) = setting.value.content, !setting.value.isNothing else {
            fault(setting, expected: "a condition such as text.words > 0")
            return (nil, setting.value.position)
        }
        let start = setting.value.position.advanced(by: isQuoted ? 1 : 0)
        do throws(ConditionFault) {
            return (try Condition(text), start)
        } catch {
            faults.add(start.advanced(by: error.offset), "stages.\(name).when", error.message)
            return (nil, start)
        }
    }

    mutating func expert(_ written: [Setting], at position: Position) -> ExpertReference? {
        let given = written.filter { ["expert", "command", "at"].contains($0.key) }
        guard let setting = given.first else {
            let keys = written.filter { !Stage.reservedKeys.contains($0.key) }.map(\.key)
            let typo = keys.first { NearestName.of($0, among: ["expert", "command"]) != nil }
            let hint = typo.map { NearestName.hint($0, among: ["expert", "command"]) } ?? ""
            let found = typo.map { quoted($0) } ?? "none of them"
            faults.add(position, "stages.\(name)", "expected expert, command or at, found \(found)\(hint)")
            return nil
        }
        guard given.count == 1 else {
            let names = given.map(\.key).joined(separator: " and ")
            faults.add(given[1].position, "stages.\(name)", "expected one of expert, command and at, found \(names)")
            return nil
        }
        switch setting.key {
        case "expert": return named(setting)
        case "command": return command(setting)
        default: return remote(setting)
        }
    }

    private mutating func named(_ setting: Setting) -> ExpertReference? {
        if let text = setting.value.text, Name.isValid(text) { return .named(text) }
        fault(setting, expected: Name.rule)
        return nil
    }

    private mutating func command(_ setting: Setting) -> ExpertReference? {
        guard case .list(let items) = setting.value.content else {
            fault(setting, expected: "a list of words such as [python3, my_expert.py]")
            return nil
        }
        let words = items.compactMap(\.text)
        guard words.count == items.count, words.first?.isEmpty == false, words.count <= 256,
            !words.contains(where: { $0.unicodeScalars.contains("\0") })
        else {
            fault(setting, expected: "a list of words such as [python3, my_expert.py]")
            return nil
        }
        return .command(words)
    }

    private mutating func remote(_ setting: Setting) -> ExpertReference? {
        if let text = setting.value.text, Self.isEndpoint(text) { return .remote(text) }
        fault(setting, expected: "an endpoint such as tcp://host:5555")
        return nil
    }

    mutating func key(_ setting: Setting, of expert: ExpertReference?) -> String? {
        guard case .remote = expert else {
            faults.add(setting.position, "stages.\(name).key", "expected it beside at: tcp://…, found no at:")
            return nil
        }
        if let text = setting.value.text, !text.isEmpty, text.utf8.count <= 4096 { return text }
        fault(setting, expected: "the worker's public key: its name, its file, or its 40 characters")
        return nil
    }

    /// A worker at an address is one process, and off this machine nothing but its key tells who it is.
    mutating func checkRemote(_ stage: Stage, _ written: [Setting]) {
        guard let at = written.first(where: { $0.key == "at" }), let address = at.value.text else { return }
        if stage.workers != 1 {
            faults.add(
                at.position, "stages.\(name).workers", "expected 1 for a worker at an address, found \(stage.workers)")
        }
        let host = address.dropFirst("tcp://".count)
        guard !written.contains(where: { $0.key == "key" }), !host.hasPrefix("127."), !host.hasPrefix("localhost:")
        else { return }
        faults.add(
            at.position, "stages.\(name).at",
            "expected key: NAME beside it, the worker's public key, since \(address) is on another machine; found none")
    }

    private static func isEndpoint(_ text: String) -> Bool {
        guard text.hasPrefix("tcp://"), text.utf8.count <= 280, let colon = text.lastIndex(of: ":") else {
            return false
        }
        let host = text[..<colon].dropFirst("tcp://".count)
        let digits = text[text.index(after: colon)...]
        guard digits.allSatisfy({ $0.isASCII && $0.isNumber }), let port = Int(digits), (1...65535).contains(port)
        else { return false }
        if host.hasPrefix("[") {
            return host.hasSuffix("]") && host.count > 2
                && host.dropFirst().dropLast().allSatisfy { $0.isHexDigit || $0 == ":" || $0 == "." }
        }
        return !host.isEmpty
            && host.utf8.allSatisfy {
                ($0 | 32 >= 97 && $0 | 32 <= 122) || (48...57).contains($0) || $0 == 45 || $0 == 46
            }
    }
}
