extension Pipeline {
    static let mostStages = 64

    /// Reads a pipeline file: its structure, the keys that every pipeline and stage knows, names and limits.
    /// What belongs to the experts is kept as written until `bound(to:)`.
    /// - Parameter file: the name that faults begin with.
    /// - Throws: every fault at once, in line order.
    public static func read(_ text: String, file: String) throws(Faults) -> Pipeline {
        var (root, faults) = YAMLReader.read(text, file: file)
        guard let root else {
            if faults.faults.isEmpty {
                faults.add(Position(line: 1, column: 1), nil, "expected a pipeline, found an empty file")
            }
            throw Faults(faults: faults.faults)
        }
        guard case .map(let settings) = root.content else {
            faults.add(
                root.position, nil,
                "expected a map with the keys \(reservedKeys.joined(separator: ", ")), found \(root.found)")
            throw Faults(faults: faults.faults)
        }
        var reader = PipelineReader(faults: faults)
        let pipeline = reader.pipeline(settings, file: file, at: root.position)
        try reader.faults.check()
        return pipeline
    }
}

private struct PipelineReader {
    var faults: FaultList

    mutating func pipeline(_ settings: [Setting], file: String, at position: Position) -> Pipeline {
        var pipeline = Pipeline(file: file, name: "", stages: [])
        var names: [String]?
        for setting in settings {
            switch setting.key {
            case "pipeline": pipeline.name = name(setting)
            case "about": pipeline.about = text(setting)
            case "ask": pipeline.ask = text(setting)
            case "answer": (pipeline.answer, pipeline.answerPosition) = (name(setting), setting.value.position)
            case "stages": (pipeline.stages, names) = stages(setting)
            default:
                let hint = NearestName.hint(setting.key, among: Pipeline.reservedKeys)
                faults.add(setting.position, setting.key.isEmpty ? nil : setting.key, "unknown key\(hint)")
            }
        }
        for required in ["pipeline", "stages"] where !settings.contains(where: { $0.key == required }) {
            faults.add(
                position, required, "expected \(required == "pipeline" ? "a name" : "a map of stages"), found nothing")
        }
        if let answer = pipeline.answer, !answer.isEmpty, let names, !names.contains(answer) {
            let hint = NearestName.hint(answer, among: names, otherwise: "stages")
            faults.add(
                pipeline.answerPosition, "answer", "expected the name of a stage, found \(quoted(answer))\(hint)")
        }
        return pipeline
    }

    /// The stages, and the names of all that were written, faulty ones included.
    private mutating func stages(_ setting: Setting) -> ([Stage], [String]?) {
        guard case .map(let written) = setting.value.content, !written.isEmpty else {
            let found = setting.value.content == .map([]) ? "an empty map" : setting.value.found
            faults.add(
                setting.value.position, "stages", "expected a map of stages such as text: {expert: ocr}, found \(found)"
            )
            return ([], nil)
        }
        if written.count > Pipeline.mostStages {
            faults.add(
                setting.position, "stages", "expected at most \(Pipeline.mostStages) stages, found \(written.count)")
        }
        let stages = written.compactMap { entry -> Stage? in
            let path = "stages.\(entry.key)"
            guard Name.isValid(entry.key) else {
                faults.add(entry.position, path, "expected \(Name.rule), found \(quoted(entry.key))")
                return nil
            }
            guard case .map(let keys) = entry.value.content else {
                faults.add(
                    entry.value.position, path, "expected a map such as {expert: ocr}, found \(entry.value.found)")
                return nil
            }
            return Stage.read(name: entry.key, at: entry.position, keys, &faults)
        }
        return (stages, written.map(\.key))
    }

    private mutating func name(_ setting: Setting) -> String {
        if let text = setting.value.text, Name.isValid(text) { return text }
        faults.add(setting.value.position, setting.key, "expected \(Name.rule), found \(setting.value.found)")
        return ""
    }

    private mutating func text(_ setting: Setting) -> String {
        if let text = setting.value.text { return text }
        faults.add(setting.value.position, setting.key, "expected text, found \(setting.value.found)")
        return ""
    }
}
