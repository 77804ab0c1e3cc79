extension Pipeline {
    /// The pipeline with `stage.key=value` set, as `--set` has it; also `ask=text`.
    /// A value that begins with `[`, `{` or a quote is YAML, any other is taken as it is.
    public func setting(_ assignments: [String]) throws(Faults) -> Pipeline {
        var pipeline = self
        var faults = FaultList(file: file)
        for assignment in assignments { pipeline.set(assignment, &faults) }
        try faults.check()
        return pipeline
    }

    /// The pipeline without these stages. What still names them is dropped when binding, where it is a fault if
    /// a required input loses its only stage.
    public func without(_ names: [String]) throws(Faults) -> Pipeline {
        var pipeline = self
        var faults: [Fault] = []
        for name in names where !pipeline.removed.contains(name) {
            if name == answer {
                faults.append(
                    Fault(
                        file: "--without", message: "\(quoted(name)) is the stage that answers; it cannot be taken out")
                )
            } else if !stages.contains(where: { $0.name == name }) {
                let hint = NearestName.hint(
                    name, among: stages.map(\.name).filter { $0 != answer }, otherwise: "stages")
                faults.append(
                    Fault(file: "--without", message: "expected the name of a stage, found \(quoted(name))\(hint)"))
            }
            pipeline.removed.insert(name)
        }
        pipeline.stages.removeAll { pipeline.removed.contains($0.name) }
        if faults.isEmpty, pipeline.stages.isEmpty {
            faults.append(Fault(file: "--without", message: "no stage would be left"))
        }
        if !faults.isEmpty { throw Faults(faults: faults) }
        return pipeline
    }

    /// The pipeline in which only these stages reach the one that answers. Kept are also those that they need; all others
    /// are taken out. Nil: the pipeline as it is; empty: the question alone.
    public func only(_ names: [String]?) throws(Faults) -> Pipeline {
        guard let names else { return self }
        guard let answer, let answering = stages.first(where: { $0.name == answer }) else {
            throw Faults(faults: [Fault(file: "--only", message: "the pipeline has no answer: that says which stage answers")])
        }
        let feeding = answering.mentions(stages.map(\.name))
        let faults = names.filter { !feeding.contains($0) }.map { name in
            let hint = NearestName.hint(name, among: feeding, otherwise: "stages")
            return Fault(file: "--only", message: "expected a stage that feeds \(answer), found \(quoted(name))\(hint)")
        }
        if !faults.isEmpty { throw Faults(faults: faults) }
        var kept: Set<String> = [answer]
        var next = names + (answering.when?.stages ?? [])
        while let name = next.popLast() {
            guard kept.insert(name).inserted, let stage = stages.first(where: { $0.name == name }) else { continue }
            next += stage.mentions(stages.map(\.name)) + (stage.when?.stages ?? [])
        }
        var pipeline = self
        pipeline.removed.formUnion(stages.map(\.name).filter { !kept.contains($0) })
        pipeline.stages = stages.filter { kept.contains($0.name) }.map { stage in
            var stage = stage
            if stage.name == answer { stage.unheard.formUnion(feeding.filter { !names.contains($0) }) }
            return stage
        }
        return pipeline
    }

    private mutating func set(_ assignment: String, _ faults: inout FaultList) {
        guard let equals = assignment.firstIndex(of: "=") else {
            faults.add(.commandLine, nil, "expected stage.key=value, found \(quoted(assignment))")
            return
        }
        let path = assignment[..<equals]
        let text = String(assignment[assignment.index(after: equals)...])
        if path == "ask" {
            ask = text
            return
        }
        let parts = path.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, !parts[1].isEmpty else {
            faults.add(.commandLine, nil, "expected stage.key=value or ask=text, found \(quoted(assignment))")
            return
        }
        guard let index = stages.firstIndex(where: { $0.name == parts[0] }) else {
            let hint = NearestName.hint(parts[0], among: stages.map(\.name), otherwise: "stages")
            faults.add(
                .commandLine, nil, "expected the name of a stage before the dot, found \(quoted(parts[0]))\(hint)")
            return
        }
        guard let value = Self.value(text, key: "stages.\(parts[0]).\(parts[1])", &faults) else { return }
        stages[index] = stages[index].setting(Setting(key: parts[1], at: .commandLine, value: value), &faults)
    }

    private static func value(_ text: String, key: String, _ faults: inout FaultList) -> Written? {
        guard let first = text.first, "[{\"'".contains(first) else {
            return Written(.scalar(text, quoted: text.isEmpty), at: .commandLine)
        }
        let (root, found) = YAMLReader.read(text, file: "--set")
        for fault in found.faults { faults.add(.commandLine, key, fault.message) }
        return root?.withoutPositions
    }
}

extension Stage {
    /// The stage with one key set or replaced, read again.
    fileprivate func setting(_ setting: Setting, _ faults: inout FaultList) -> Stage {
        let ways = ["expert", "command", "at"]
        var keys = written
        if ways.contains(setting.key) { keys.removeAll { ways.contains($0.key) } }
        if let index = keys.firstIndex(where: { $0.key == setting.key }) {
            keys[index] = setting
        } else {
            keys.append(setting)
        }
        return Stage.read(name: name, at: position, keys, &faults) ?? self
    }
}

extension Written {
    /// The same value, as from the command line.
    fileprivate var withoutPositions: Written {
        switch content {
        case .scalar: return Written(content, at: .commandLine)
        case .list(let items): return Written(.list(items.map(\.withoutPositions)), at: .commandLine)
        case .map(let pairs):
            return Written(
                .map(pairs.map { Setting(key: $0.key, at: .commandLine, value: $0.value.withoutPositions) }),
                at: .commandLine)
        }
    }
}
