import Checkpoints
import Golden
import Tensors

/// The files of Tests/Fixtures/checkpoints.
enum Fixture {
    static func path(_ name: String) -> String { Golden.repository + "/Tests/Fixtures/checkpoints/" + name }

    static func bytes(_ name: String) throws -> [UInt8] {
        let mapping = try MappedFile(path: path(name))
        return withExtendedLifetime(mapping) { Array(mapping.bytes.buffer) }
    }

    /// What the tensors of a file hold: the expected values under a prefix.
    static func expected(_ prefix: String) throws -> [(name: String, tensor: Tensor)] {
        let file = try Safetensors(path: path("expected.safetensors"))
        return try file.names.filter { $0.hasPrefix(prefix) }.map {
            (String($0.dropFirst(prefix.count)), try file.require($0).tensor())
        }
    }
}

extension [UInt8] {
    /// The same with a little-endian number at an offset.
    func with<T: FixedWidthInteger>(_ value: T, at offset: Int) -> [UInt8] {
        var copy = self
        Swift.withUnsafeBytes(of: value.littleEndian) { copy.replaceSubrange(offset..<offset + $0.count, with: $0) }
        return copy
    }

    /// The same with the first occurrence of a text replaced by one of the same length.
    func replacing(_ old: String, with new: String) -> [UInt8] {
        precondition(old.utf8.count == new.utf8.count)
        var copy = self
        let at = indices.first { self[$0...].starts(with: Array(old.utf8)) }!
        copy.replaceSubrange(at..<at + new.utf8.count, with: Array(new.utf8))
        return copy
    }

    /// Where a text first occurs.
    func offset(of text: String) -> Int { indices.first { self[$0...].starts(with: Array(text.utf8)) }! }
}

/// The description of the CheckpointError that `body` throws; what else happens if it does not.
func fault(_ body: () throws -> Void) -> String {
    do {
        try body()
        return "no error"
    } catch let error as CheckpointError {
        return error.description
    } catch {
        return "another error: \(error)"
    }
}
