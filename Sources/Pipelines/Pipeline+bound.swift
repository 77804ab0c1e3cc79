extension Pipeline {
    /// Checks every key against what the experts say of themselves, and puts the stages in an order in which they can work.
    /// - Parameter descriptions: by stage name.
    /// - Throws: every fault at once, in line order.
    public func bound(to descriptions: [String: ExpertDescription]) throws(Faults) -> BoundPipeline {
        var binder = Binder(pipeline: self, descriptions: descriptions)
        var bound = self
        var questions: [String: String] = [:]
        for index in stages.indices where stages[index].sharing == nil {
            let name = stages[index].name
            guard let description = descriptions[name] else {
                binder.faults.add(
                    stages[index].position, "stages.\(name)", "nothing is known of its expert, \(stages[index].expert)")
                continue
            }
            questions[name] = binder.bind(&bound.stages[index], to: description)
        }
        if let answer, let description = descriptions[answer],
            !description.outputs.contains(where: { $0.kind == .text })
        {
            binder.faults.add(
                answerPosition, "answer",
                "expected a stage that gives text, found \(quoted(answer)), which gives \(Binder.gives(description))")
        }
        bound.share(descriptions)
        let order = binder.order(bound.stages)
        try binder.faults.check()

        var places: [String: Int] = [:]
        for (place, index) in order.enumerated() { places[bound.stages[index].name] = place }
        let ordered = order.map { index in
            let stage = bound.stages[index]
            let waits = Set(stage.awaited).compactMap { places[$0] }.sorted()
            let staff = stage.sharing ?? stage.name
            let description = descriptions[staff] ?? ExpertDescription(service: stage.name)
            let asked = description.inputs.first { $0.kind == .question }?.name
            return BoundStage(
                stage: stage, description: description, dependencies: waits, question: questions[staff],
                sharesQuestion: asked.map { port in !stage.settings.contains { $0.key == port } } ?? false)
        }
        return BoundPipeline(pipeline: bound, stages: ordered, answer: answer.flatMap { places[$0] })
    }

    /// Stages that share the workers of another have its options and of its inputs those that they hear. One that
    /// would lack an input that its expert must have is left out.
    private mutating func share(_ descriptions: [String: ExpertDescription]) {
        stages = stages.compactMap { stage in
            guard let staff = stage.sharing else { return stage }
            guard let host = stages.first(where: { $0.name == staff }) else { return nil }
            var stage = stage
            stage.options = host.options
            stage.inputs = host.inputs.compactMap { input in
                let heard = input.stages.filter { !stage.unheard.contains($0) }
                return heard.isEmpty ? nil : Input(port: input.port, kind: input.kind, stages: heard)
            }
            let lost = Set(host.inputs.map(\.port)).subtracting(stage.inputs.map(\.port))
            let isWhole = descriptions[staff]?.inputs.allSatisfy { !$0.required || !lost.contains($0.name) } ?? false
            return isWhole ? stage : nil
        }
    }
}

private struct Binder {
    let pipeline: Pipeline
    let descriptions: [String: ExpertDescription]
    var faults: FaultList
    /// Where a stage names another, for faults about cycles.
    private var references: [String: [String: (position: Position, key: String)]] = [:]

    init(pipeline: Pipeline, descriptions: [String: ExpertDescription]) {
        self.pipeline = pipeline
        self.descriptions = descriptions
        faults = FaultList(file: pipeline.file)
    }

    /// Splits what was written into inputs and options; gives back the question to ask.
    mutating func bind(_ stage: inout Stage, to description: ExpertDescription) -> String? {
        var question = pipeline.ask
        let settings = stage.settings
        if !settings.isEmpty { (stage.inputs, stage.options) = ([], [:]) }
        for setting in settings {
            let key = "stages.\(stage.name).\(setting.key)"
            if let port = description.inputs.first(where: { $0.name == setting.key }) {
                switch port.kind {
                case .picture:
                    faults.add(setting.position, key, "every task carries the picture; leave this key out")
                case .question:
                    question = setting.value.text
                    if question == nil {
                        faults.add(setting.value.position, key, "expected text, found \(setting.value.found)")
                    }
                case .tensor, .text:
                    let stages = feed(port, setting, of: stage, key)
                    if !stages.isEmpty { stage.inputs.append(Input(port: port.name, kind: port.kind, stages: stages)) }
                }
            } else if let option = description.options.first(where: { $0.name == setting.key }) {
                switch option.read(setting.value) {
                case .success(let value): stage.options[option.name] = value
                case .failure(let fault):
                    faults.add(fault.position, fault.subkey.map { "\(key).\($0)" } ?? key, fault.message)
                }
            } else {
                faults.add(setting.position, key, "unknown key\(hint(setting.key, description))")
            }
        }
        checkBudget(&stage)
        checkCondition(of: stage)
        for port in description.inputs where port.required && (port.kind == .tensor || port.kind == .text) {
            let isGiven = settings.contains { $0.key == port.name } || stage.inputs.contains { $0.port == port.name }
            if isGiven { continue }
            faults.add(
                stage.position, "stages.\(stage.name).\(port.name)", "expected \(wanted(port.kind)), found nothing")
        }
        return description.inputs.contains { $0.kind == .question } ? question : nil
    }

    /// The stages named for a port, without those that are faulty or taken out.
    private mutating func feed(_ port: Port, _ setting: Setting, of stage: Stage, _ key: String) -> [String] {
        let items: [Written]
        if case .list(let list) = setting.value.content { items = list } else { items = [setting.value] }
        var names: [String] = []
        var removed: [String] = []
        var isSound = true
        for item in items {
            guard let name = item.text else {
                faults.add(item.position, key, "expected the name of a stage, found \(item.found)")
                isSound = false
                continue
            }
            if pipeline.removed.contains(name) || stage.unheard.contains(name) {
                removed.append(name)
                continue
            }
            guard pipeline.stages.contains(where: { $0.name == name }) else {
                let others = pipeline.stages.map(\.name).filter { $0 != stage.name }
                let hint = NearestName.hint(name, among: others, otherwise: "stages")
                faults.add(item.position, key, "expected the name of a stage, found \(quoted(name))\(hint)")
                isSound = false
                continue
            }
            if names.contains(name) {
                faults.add(item.position, key, "\(quoted(name)) is given twice")
                isSound = false
                continue
            }
            if name != stage.name, let giver = descriptions[name],
                !giver.outputs.contains(where: { $0.kind == port.kind })
            {
                faults.add(
                    item.position, key,
                    "expected \(wanted(port.kind)), found \(quoted(name)), which gives \(Self.gives(giver))")
                isSound = false
                continue
            }
            names.append(name)
            references[stage.name, default: [:]][name] = (item.position, key)
        }
        guard isSound else { return names }
        if port.kind == .tensor, names.count > 1 {
            faults.add(setting.value.position, key, "expected one stage, found \(names.count)")
        } else if port.required, names.isEmpty {
            let why = removed.isEmpty ? "found nothing" : "found only \(quoted(removed[0])), which was taken out"
            faults.add(setting.value.position, key, "expected \(wanted(port.kind)), \(why)")
        }
        return names
    }

    /// `budget` is tokens by stage, so its keys are stages that feed this one.
    private mutating func checkBudget(_ stage: inout Stage) {
        guard case .map(var values)? = stage.options["budget"],
            let setting = stage.settings.first(where: { $0.key == "budget" }),
            case .map(let pairs) = setting.value.content
        else { return }
        let feeding = stage.inputs.filter { $0.kind == .text }.flatMap(\.stages)
        for pair in pairs where !feeding.contains(pair.key) {
            values[pair.key] = nil
            if pipeline.removed.contains(pair.key) || stage.unheard.contains(pair.key) { continue }
            let hint = NearestName.hint(pair.key, among: feeding, otherwise: "its stages")
            faults.add(
                pair.position, "stages.\(stage.name).budget",
                "expected a stage whose text \(stage.name) takes, found \(quoted(pair.key))\(hint)")
        }
        stage.options["budget"] = .map(values)
    }

    /// The stages that a condition names must be there and give what it tests. It waits for them.
    private mutating func checkCondition(of stage: Stage) {
        let key = "stages.\(stage.name).when"
        for probe in stage.when?.probes ?? [] where !pipeline.removed.contains(probe.stage) {
            let position = stage.whenPosition.advanced(by: probe.offset)
            guard pipeline.stages.contains(where: { $0.name == probe.stage }) else {
                let others = pipeline.stages.map(\.name).filter { $0 != stage.name }
                let hint = NearestName.hint(probe.stage, among: others, otherwise: "stages")
                faults.add(position, key, "expected the name of a stage, found \(quoted(probe.stage))\(hint)")
                continue
            }
            if references[stage.name]?[probe.stage] == nil {
                references[stage.name, default: [:]][probe.stage] = (position, key)
            }
            if probe.field.needsText, probe.stage != stage.name, let giver = descriptions[probe.stage],
                !giver.outputs.contains(where: { $0.kind == .text })
            {
                faults.add(
                    position, key,
                    "expected a stage that gives text, found \(quoted(probe.stage)), which gives \(Self.gives(giver))")
            }
        }
    }

    private func hint(_ key: String, _ description: ExpertDescription) -> String {
        let ports = description.inputs.filter { $0.kind != .picture }.map(\.name)
        let own = ports + description.options.map(\.name)
        if let nearest = NearestName.of(key, among: own + Stage.reservedKeys) {
            return "; did you mean \"\(nearest)\"?"
        }
        return own.isEmpty
            ? "; \(description.service) has no keys of its own"
            : "; \(description.service) knows \(own.joined(separator: ", "))"
    }

    private func wanted(_ kind: Kind) -> String {
        kind == .tensor ? "a stage that gives a tensor" : "a stage that gives text"
    }

    static func gives(_ description: ExpertDescription) -> String {
        let kinds = description.outputs.map { $0.kind == .tensor ? "a tensor" : $0.kind.rawValue }
        return kinds.isEmpty ? "nothing" : kinds.joined(separator: " and ")
    }

    /// Indices of the stages, each after all that it waits for. A cycle is a fault and is left out.
    mutating func order(_ stages: [Stage]) -> [Int] {
        let indices = Dictionary(uniqueKeysWithValues: stages.enumerated().map { ($1.name, $0) })
        let waits = stages.map { stage in Set(stage.awaited.compactMap { indices[$0] }) }
        var order: [Int] = []
        var left = Set(stages.indices)
        while let first = left.min() {
            if let next = left.sorted().first(where: { waits[$0].isDisjoint(with: left) }) {
                order.append(next)
                left.remove(next)
                continue
            }
            let cycle = Self.cycle(from: first, waits: waits, among: left)
            report(cycle.map { stages[$0].name })
            left.subtract(cycle)
        }
        return order
    }

    /// A cycle that a walk from `start` runs into; it begins with its first stage in the file.
    private static func cycle(from start: Int, waits: [Set<Int>], among left: Set<Int>) -> [Int] {
        var walk = [start]
        while let next = waits[walk[walk.count - 1]].intersection(left).min() {
            if let begin = walk.firstIndex(of: next) {
                let cycle = Array(walk[begin...])
                let least = cycle.indices.min { cycle[$0] < cycle[$1] } ?? 0
                return Array(cycle[least...] + cycle[..<least])
            }
            walk.append(next)
        }
        return walk
    }

    private mutating func report(_ cycle: [String]) {
        guard let first = cycle.first, let place = references[first]?[cycle.count > 1 ? cycle[1] : first] else {
            return
        }
        let path = (cycle + [first]).joined(separator: " waits for ")
        faults.add(place.position, place.key, cycle.count == 1 ? "a stage cannot wait for itself" : "a cycle: \(path)")
    }
}
