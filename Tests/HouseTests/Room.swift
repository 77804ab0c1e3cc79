/// A target of the house: its layer, and the modules it may import. The table of the design; what is not in it is a fault.
struct Room {
    let name: String
    let layer: Int
    let mayImport: Set<String>

    init(_ layer: Int, _ name: String, _ mayImport: Set<String>) {
        self.layer = layer
        self.name = name
        self.mayImport = mayImport
    }

    /// Modules of the toolchain, open to all.
    static let toolchain: Set<String> = [
        "Dispatch", "Foundation", "FoundationEssentials", "Glibc", "Synchronization",
    ]

    static let house: [Room] = [
        Room(1, "CConfinement", []),
        Room(1, "CKernels", []),
        Room(1, "CLeptonica", []),
        Room(1, "COpenBLAS", []),
        Room(1, "CTesseract", []),
        Room(1, "CZBar", []),
        Room(1, "CZeroMQ", []),

        Room(2, "Locks", []),
        Room(2, "Seats", ["Locks"]),
        Room(2, "Tensors", ["CKernels", "COpenBLAS", "Locks", "Seats"]),
        Room(2, "Checkpoints", ["Tensors", "Crypto"]),
        Room(2, "Pictures", ["CLeptonica"]),
        Room(2, "Wire", ["CZeroMQ", "Locks", "SwiftProtobuf"]),
        Room(2, "Pipelines", ["Yams"]),
        Room(2, "Scoring", []),

        Room(3, "Models", ["Tensors", "Checkpoints", "Locks"]),
        Room(3, "ExpertKit", ["Wire", "CConfinement", "Locks", "Seats", "Crypto"]),
        Room(3, "Training", ["Models", "Checkpoints", "Tensors"]),

        Room(4, "Coordination", ["Pipelines", "Wire", "Locks", "Seats", "SwiftProtobuf", "GRDB", "Crypto"]),
        Room(4, "Conformance", ["Coordination", "Pipelines", "Wire", "SwiftProtobuf", "Crypto"]),

        Room(5, "lorgnette", ["Conformance", "Coordination", "Pipelines", "ArgumentParser"]),
        Room(
            5, "lorgnette-models",
            ["Models", "Training", "Scoring", "Checkpoints", "Tensors", "Pictures", "ExpertKit", "ArgumentParser"]),
        Room(
            5, "lorgnette-train",
            [
                "Training", "Models", "Scoring", "Checkpoints", "Tensors", "Pictures", "Pipelines", "ExpertKit",
                "Crypto",
                "ArgumentParser",
            ]),
        Room(5, "lorgnette-encoder", ["ExpertKit", "Models", "Tensors", "Checkpoints", "Pictures", "Wire", "Locks"]),
        Room(5, "lorgnette-captioner", ["ExpertKit", "Models", "Tensors", "Checkpoints", "Wire"]),
        Room(5, "lorgnette-generator", ["ExpertKit", "Models", "Tensors", "Checkpoints", "Wire"]),
        Room(5, "lorgnette-ocr", ["ExpertKit", "Pictures", "Wire", "CTesseract", "CLeptonica"]),
        Room(5, "lorgnette-barcode", ["ExpertKit", "Pictures", "Wire", "CZBar"]),
        Room(5, "lorgnette-search", ["ExpertKit", "Wire", "GRDB", "Crypto"]),
        Room(5, "lorgnette-command", ["ExpertKit", "Wire", "Crypto"]),
        Room(5, "lorgnette-rehearsal", ["ExpertKit", "Wire"]),
    ]

    /// Programs that are no experts.
    static let tools: Set<String> = ["lorgnette-models", "lorgnette-train"]

    /// The words of the experts: what follows `lorgnette-` in the name of a worker's target.
    static var experts: [String] {
        house.map(\.name).filter { $0.hasPrefix("lorgnette-") && !tools.contains($0) }
            .map { String($0.dropFirst("lorgnette-".count)) }
    }

    static func named(_ name: some StringProtocol) -> Room? {
        house.first { $0.name == name }
    }

    /// Why this room may not import a module; nil if it may.
    func fault(importing module: String) -> String? {
        guard !mayImport.contains(module), !Room.toolchain.contains(module) else { return nil }
        let allowed = mayImport.isEmpty ? "nothing" : mayImport.sorted().joined(separator: ", ")
        let place = "\(name) (layer \(layer)) imports \(module)"
        guard let other = Room.named(module) else { return "\(place); it may import \(allowed)" }
        let arrow = other.layer > layer ? "an arrow upwards to" : "in"
        return "\(place), \(arrow) layer \(other.layer); it may import \(allowed)"
    }
}
