// swift-tools-version: 6.2
import PackageDescription

// Warnings are errors where it counts (CI), and only there: a newer compiler's new warning must not stop a user.
let strict: [SwiftSetting] = Context.environment["CI"] == nil ? [] : [.treatAllWarnings(as: .error)]

// The loops of CKernels are the product's speed, so they are optimised in debug builds, too.
let kernels: [CSetting] = [.unsafeFlags(["-O3", "-fno-math-errno"])]

func library(
    _ name: String, _ dependencies: [Target.Dependency], exclude: [String] = [], resources: [Resource]? = nil
) -> Target {
    .target(name: name, dependencies: dependencies, exclude: exclude, resources: resources, swiftSettings: strict)
}

func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name + "Tests", dependencies: dependencies, swiftSettings: strict)
}

func system(_ name: String) -> Target { .systemLibrary(name: name) }

let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")
let sqlite = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let yaml = Target.Dependency.product(name: "Yams", package: "Yams")

let package = Package(
    name: "lorgnette",
    products: [
        .executable(name: "lorgnette", targets: ["lorgnette"]),
        .library(name: "ExpertKit", targets: ["ExpertKit"]),
        .library(name: "Pictures", targets: ["Pictures"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        // Layer 1: C
        .target(name: "CKernels", cSettings: kernels),
        .target(name: "CConfinement"),
        system("CLeptonica"), system("COpenBLAS"), system("CTesseract"), system("CZBar"), system("CZeroMQ"),

        // Layer 2
        library("Locks", []),
        library("Seats", ["Locks"]),
        library("Tensors", ["CKernels", "COpenBLAS", "Locks", "Seats"]),
        library("Checkpoints", ["Tensors", crypto]),
        library("Pictures", ["CLeptonica"]),
        library("Wire", ["CZeroMQ", "Locks", protobuf]),
        library("Pipelines", [yaml]),
        library("Scoring", []),

        // Layer 3
        library("Models", ["Tensors", "Checkpoints", "Locks"], resources: [.copy("Resources")]),
        library("ExpertKit", ["Wire", "CConfinement", "Locks", "Seats", crypto]),
        library("Training", ["Models", "Checkpoints", "Tensors"], exclude: ["Recipes"]),

        // Layer 4
        library("Coordination", ["Pipelines", "Wire", "Locks", "Seats", protobuf, sqlite, crypto]),
        library("Conformance", ["Coordination", "Pipelines", "Wire", protobuf, crypto]),

        // Layer 5
        program("lorgnette", ["Conformance", "Coordination", "Pipelines", arguments]),
        program(
            "lorgnette-models",
            ["Models", "Training", "Scoring", "Checkpoints", "Tensors", "Pictures", "ExpertKit", arguments]),
        program(
            "lorgnette-train",
            [
                "Training", "Models", "Scoring", "Checkpoints", "Tensors", "Pictures", "Pipelines", "ExpertKit", crypto,
                arguments,
            ]),
        program("lorgnette-encoder", ["ExpertKit", "Models", "Tensors", "Checkpoints", "Pictures", "Wire", "Locks"]),
        program("lorgnette-captioner", ["ExpertKit", "Models", "Tensors", "Checkpoints", "Wire"]),
        program("lorgnette-generator", ["ExpertKit", "Models", "Tensors", "Checkpoints", "Wire"]),
        program("lorgnette-ocr", ["ExpertKit", "Pictures", "Wire", "CTesseract", "CLeptonica"]),
        program("lorgnette-barcode", ["ExpertKit", "Pictures", "Wire", "CZBar"]),
        program("lorgnette-search", ["ExpertKit", "Wire", sqlite, crypto]),
        program("lorgnette-command", ["ExpertKit", "Wire", crypto]),

        // Tests
        .target(name: "Golden", dependencies: ["Checkpoints", "Tensors"], path: "Tests/Golden", swiftSettings: strict),
        .target(
            name: "Mutations", dependencies: ["Models", "Checkpoints", "Tensors", "Pictures", "Pipelines", "Golden"],
            path: "Tests/Mutations",
            swiftSettings: strict),
        .executableTarget(name: "Fuzz", dependencies: ["Mutations"], path: "Tests/Fuzz", swiftSettings: strict),
        program("lorgnette-rehearsal", ["ExpertKit", "Wire"]),
        .executableTarget(
            name: "FaultyWorker", dependencies: ["Wire", crypto], path: "Tests/FaultyWorker", swiftSettings: strict),
        tests("Seats", ["Seats"]),
        tests("Tensors", ["Tensors", "CKernels", "Golden"]),
        tests("Checkpoints", ["Checkpoints", "Tensors", "Golden"]),
        tests("Models", ["Models", "Tensors", "Checkpoints", "Pictures", "Locks", "Golden"]),
        tests("Training", ["Training", "Models", "Tensors", "Checkpoints", "Golden"]),
        tests("Pictures", ["Pictures", "Golden"]),
        tests("Wire", ["Wire", "Locks"]),
        tests("Pipelines", ["Pipelines"]),
        tests("Scoring", ["Scoring", "Checkpoints", "Golden"]),
        tests("ExpertKit", ["ExpertKit", "Wire", "Locks"]),
        tests("Barcode", ["lorgnette-barcode", "ExpertKit", "Wire"]),
        tests("Search", ["lorgnette-search", "ExpertKit", "Wire"]),
        tests("Command", ["lorgnette-command", "ExpertKit", "Wire"]),
        tests("Coordination", ["Coordination", "Pipelines", "Wire", "Locks"]),
        tests("Conformance", ["Conformance", "Wire", "Pictures"]),
        tests("EndToEnd", ["Golden"]),
        tests("Fuzz", ["Mutations"]),
        tests("House", []),
    ],
    swiftLanguageModes: [.v6]
)
