import Pipelines
import Training

/// A training configuration, read from YAML. Paths in it are relative to its folder.
struct TrainingFile {
    /// What pictures and their captions are read as.
    struct Pictures {
        var data: [String] = []
        /// Text before a caption, as it stands; or a question in the language model's chat format.
        var prompt: String?
        var ask: String?
        var system: String?
        /// Captions of a picture in one step, at most.
        var captions = 5
        /// Features of a picture in one step, chosen by chance; 0: all.
        var features = 0
        /// The share of a picture's feature columns that is left out, chosen anew each time.
        var dropout: Float = 0
        /// Also learn from pictures seen in a mirror, half of the time.
        var mirror = false
    }

    struct Instructions {
        var data: [String] = []
        var system: String?
        /// Longer ones are left out, in tokens.
        var longest = 512
    }

    var role = "adapter"
    var language = "SmolLM2-135M-Instruct.Q4_1.gguf"
    var vision = "vit_s_focus.onnx"
    /// Blocks of it whose features are read besides the last one's, counted from 1.
    var visionBlocks: [Int] = []
    /// An adapter to go on from.
    var start: String?
    /// What is taken from it; the rest starts fresh.
    var startGroups = Set(ParameterGroup.allCases)
    var adapter = AdapterPlan()
    var plan = TrainingPlan()
    var lens: LensWarmUp.Settings?
    var pictures: Pictures?
    var instructions: Instructions?
    var validation: (data: String, pictures: Int)?
    var recomputes = false
    var precision = Precision.float32
    /// The file's own words for the adapter's metadata: about, data, licence.
    var facts: [String: String] = [:]

    /// Throws every fault of the text at once.
    init(_ text: String, file: String) throws {
        var (root, faults) = YAMLReader.read(text, file: file)
        guard let root, case .map(let settings) = root.content else {
            if faults.faults.isEmpty { faults.add(Position(line: 1, column: 1), nil, "expected a map of settings") }
            throw Faults(faults: faults.faults)
        }
        var reader = MapReader(settings, path: "", at: root.position, faults: faults)
        read(&reader)
        reader.refuseTheRest()
        try reader.faults.check()
    }

    private mutating func read(_ r: inout MapReader) {
        r.text("adapter").map { role = $0 }
        for key in ["about", "data", "licence"] { r.text(key).map { facts[key] = $0 } }
        r.text("language").map { language = $0 }
        r.text("vision").map { vision = $0 }
        visionBlocks = integers("vision_blocks", &r) ?? []
        start = r.text("start")
        startGroups = groups("start_with", &r) ?? startGroups
        r.integer("steps", 1...10_000_000).map { plan.steps = $0 }
        r.integer("seed", 0...Int.max).map { plan.seed = UInt64($0) }
        r.integer("warm_up", 0...1_000_000).map { plan.warmUp = $0 }
        r.number("final_rate", 0...1).map { plan.finalRate = $0 }
        plan.averageFrom = r.integer("average_from", 1...10_000_000)
        if let first = plan.averageFrom, first > plan.steps {
            r.fault("average_from", "expected a step of the run, at most \(plan.steps), found \(first)")
        }
        r.number("decay", 0...100).map { plan.decay = $0 }
        r.number("clip", 0.000_001...1_000_000).map { plan.clip = $0 }
        plan.commonTokens = r.integer("common_tokens", 0...10_000_000)
        r.integer("validate_every", 1...1_000_000).map { plan.validateEvery = $0 }
        r.integer("save_every", 1...1_000_000).map { plan.saveEvery = $0 }
        r.bool("recompute").map { recomputes = $0 }
        r.choice("precision").map { precision = $0 }
        r.map("rates") { r in
            for kind in ParameterKind.allCases { r.number(kind.rawValue, 0...10).map { plan.rates[kind] = $0 } }
        }
        r.map("model") { readModel(&$0) }
        lens = r.map("lens") { r in
            var lens = LensWarmUp.Settings()
            r.integer("steps", 1...1_000_000).map { lens.steps = $0 }
            r.integer("batch", 1...4096).map { lens.batch = $0 }
            r.integer("layers", 1...1000).map { lens.layers = $0 }
            r.integer("words", 1...1_000_000).map { lens.words = $0 }
            r.number("rate", 0...1).map { lens.rate = $0 }
            r.integer("features", 1...1_000_000).map { lens.features = $0 }
            r.number("dropout", 0...0.9).map { lens.dropout = $0 }
            r.number("decay", 0...100).map { lens.decay = $0 }
            return lens
        }
        pictures = r.map("pictures") { r in
            var p = Pictures()
            readShare(&r, &plan.pictures, least: 0)
            p.data = r.texts("data") ?? []
            if p.data.isEmpty { r.fault("data", "expected folders of pictures with captions, found none") }
            (p.prompt, p.ask, p.system) = (r.text("prompt"), r.text("ask"), r.text("system"))
            if (p.prompt == nil) == (p.ask == nil) { r.fault("prompt", "expected one of prompt and ask") }
            r.integer("captions", 1...1000).map { p.captions = $0 }
            r.integer("features", 2...1_000_000).map { p.features = $0 }
            r.number("dropout", 0...0.9).map { p.dropout = $0 }
            r.bool("mirror").map { p.mirror = $0 }
            return p
        }
        plan.rewards = r.map("rewards") { r in
            var rewards = TrainingPlan.Rewards(share: plan.pictures)
            readShare(&r, &rewards.share)
            r.integer("samples", 2...1000).map { rewards.samples = $0 }
            r.integer("longest", 2...1000).map { rewards.longest = $0 }
            r.number("weight", 0...1000).map { rewards.weight = $0 }
            return rewards
        }
        instructions = r.map("instructions") { r in
            var i = Instructions()
            readShare(&r, &plan.instructions)
            i.data = r.texts("data") ?? []
            if i.data.isEmpty { r.fault("data", "expected files of instructions, found none") }
            i.system = r.text("system")
            r.integer("longest", 16...100_000).map { i.longest = $0 }
            return i
        }
        validation = r.map("validation") { r in
            let data = r.text("data")
            if data == nil { r.fault("data", "expected a folder of pictures with captions, found none") }
            return (data ?? "", r.integer("pictures", 2...1_000_000) ?? 100)
        }
        if pictures == nil, instructions == nil {
            r.fault("pictures", "expected pictures or instructions, found neither")
        }
        if pictures != nil, adapter.visual == nil { r.fault("model", "expected visual, for there are pictures") }
        if pictures != nil, plan.pictures.batch == 0, plan.rewards == nil {
            r.fault("pictures", "expected a batch of 1 or more, or rewards, found neither")
        }
        if plan.rewards != nil, pictures == nil { r.fault("rewards", "expected pictures, too") }
        if validation != nil, pictures == nil { r.fault("validation", "expected pictures, too") }
        if lens != nil, pictures == nil { r.fault("lens", "expected pictures, too") }
    }

    private mutating func readModel(_ r: inout MapReader) {
        r.choice("wiring").map { adapter.wiring = $0 }
        r.integer("prompt_layers", 0...1000).map { adapter.promptLayers = $0 }
        r.integer("prompts", 1...256).map { adapter.prompts = $0 }
        r.integer("early_layers", 0...1000).map { adapter.earlyLayers = $0 }
        r.integer("tuned_layers", 0...1000).map { adapter.tunedLayers = $0 }
        r.bool("norms").map { adapter.norms = $0 }
        r.bool("biases").map { adapter.biases = $0 }
        adapter.scale = r.choice("scale")
        r.integer("lora", 0...1024).map { adapter.rank = $0 }
        r.bool("new_gates").map { adapter.newGates = $0 }
        r.number("gate", -10...10).map { adapter.gate = $0 }
        r.number("prompt_scale", 0...10).map { adapter.promptScale = $0 }
        r.number("output_scale", 0...10).map { adapter.outputScale = $0 }
        adapter.visual = r.map("visual") { r in
            AdapterPlan.Visual(
                featureWidth: 0, width: r.integer("width", 1...16384) ?? 384, blocks: r.integer("blocks", 1...64) ?? 1,
                heads: r.integer("heads", 1...256) ?? 6, ratio: r.integer("ratio", 1...16) ?? 4,
                queries: r.integer("queries", 1...256) ?? 10)
        }
        if adapter.wiring == .released, let visual = adapter.visual { adapter.prompts = visual.queries }
    }

    private func readShare(_ r: inout MapReader, _ share: inout TrainingPlan.Share, least: Int = 1) {
        share.batch = r.integer("batch", least...65536) ?? 16
        share.atOnce = r.integer("at_once", 1...65536) ?? 8
        share.groups = groups("learn", &r) ?? share.groups
    }

    private func integers(_ key: String, _ r: inout MapReader) -> [Int]? {
        guard let texts = r.texts(key) else { return nil }
        let numbers = texts.compactMap { Int($0) }
        if numbers.count != texts.count || Set(numbers).count != numbers.count {
            r.fault(key, "expected whole numbers, each once, found \(texts.joined(separator: ", "))")
        }
        return numbers
    }

    private func groups(_ key: String, _ r: inout MapReader) -> Set<ParameterGroup>? {
        guard let names = r.texts(key) else { return nil }
        let groups = names.compactMap(ParameterGroup.init)
        if groups.count != names.count || groups.isEmpty {
            r.fault(key, "expected visual, tuning or both, found \(names.joined(separator: ", "))")
        }
        return Set(groups)
    }
}
