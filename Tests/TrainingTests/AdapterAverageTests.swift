import Checkpoints
import Foundation
import Testing

@testable import Training

@Suite struct AdapterAverageTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("average-\(UUID().uuidString)")
        .path

    init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }

    private func adapter(_ name: String, _ wiring: AdapterPlan.Wiring, seed: UInt64, base: String = "a") throws
        -> String
    {
        let network = try DisjointTests.network(wiring)
        network.shake(seed: seed)
        let path = "\(folder)/\(name)"
        try AdapterFile.write(network, facts: ["role": "test", "base_sha256": base, "about": name], to: path)
        return path
    }

    @Test func isTheMeanOfTheValues() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let files = [try adapter("a", .paper, seed: 1), try adapter("b", .paper, seed: 2)]
        let out = "\(folder)/mean"
        try AdapterAverage.write([files[0], files[0], files[0], files[1]], to: out)
        let (a, b, mean) = (
            try Safetensors(path: files[0]), try Safetensors(path: files[1]), try Safetensors(path: out)
        )
        #expect(mean.names == a.names && !mean.names.isEmpty)
        var differing = 0
        for name in a.names {
            #expect(mean.view(name)?.type == a.view(name)?.type)
            let (x, y) = (try a.require(name).tensor().array, try b.require(name).tensor().array)
            for ((x, y), found) in zip(zip(x, y), try mean.require(name).tensor().array) {
                let expected = 0.75 * x + 0.25 * y
                #expect(
                    abs(found - expected) <= 1e-3 * max(abs(expected), 1e-4), "\(name): \(found), expected \(expected)")
                if x != y { differing += 1 }
            }
        }
        #expect(differing > 100)
        #expect(mean.metadata["about"]?.string == "a")
        #expect(mean.metadata["averaged"]?.string?.split(separator: ",").count == 4)
    }

    @Test func whatDoesNotFitTogetherIsNamed() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let first = try adapter("a", .paper, seed: 1)
        func fault(_ other: String) -> String {
            let error = #expect(throws: CheckpointError.self) {
                try AdapterAverage.write([first, other], to: "\(folder)/mean")
            }
            return error?.description ?? ""
        }
        #expect(fault(try adapter("b", .released, seed: 1)).contains("b: __metadata__.wiring: expected paper"))
        #expect(fault(try adapter("c", .paper, seed: 1, base: "z")).contains("c: __metadata__.base_sha256: expected a"))
        #expect(!FileManager.default.fileExists(atPath: "\(folder)/mean"))
    }
}
