import Foundation
import Golden

extension Workbench {
    /// What `lorgnette models probe …` wrote.
    func probe(_ arguments: [String]) throws -> Probed {
        let out = "\(path)/probed-\(UUID().uuidString).safetensors"
        return Probed(ended: try run(["models", "probe"] + arguments + ["--out", out]), file: out)
    }
}

/// A run of `lorgnette models probe`, and the file that it wrote.
struct Probed {
    let ended: Workbench.Ended
    let file: String

    /// The largest difference to a tensor of the reference; infinite for another shape, or if either has none.
    func difference(_ key: String, _ expected: String, _ expectedKey: String) -> Float {
        guard let found = try? Golden.tensor(file, key), let reference = try? Golden.tensor(expected, expectedKey)
        else {
            return .infinity
        }
        return Golden.difference(found, reference)
    }

    func integers(_ key: String) throws -> [Int] { try Golden.tensor(file, key).array.map { Int($0) } }

    /// The differences of all hidden states that the reference has under `prefix`, and of its last norm.
    func hiddenDifferences(_ expected: String, prefix: String, layers: Int) -> [Float] {
        (0...layers).map { difference("hidden.\($0)", expected, "\(prefix)hidden.\($0)") }
            + [difference("final_norm", expected, "\(prefix)final_norm")]
    }
}
