import Checkpoints
import Golden
import Tensors
import Testing

@Suite struct ShardedTests {
    private let folder = TemporaryFolder()

    /// A checkpoint of one float32 tensor `w` of these values.
    private func part(_ name: String, _ shape: [Int], _ values: [Float]) throws -> any Checkpoint {
        let header = #"{"w":{"dtype":"F32","shape":\#(shape),"data_offsets":[0,\#(values.count * 4)]}}"#
        let bytes = [UInt8](repeating: 0, count: 8).with(UInt64(header.utf8.count), at: 0)
        let data = values.flatMap { withUnsafeBytes(of: $0) { Array($0) } }
        return try Safetensors(path: folder.write(name, bytes + Array(header.utf8) + data))
    }

    @Test func axesAreJoined() throws {
        let parts = [try part("a", [2, 2], [1, 2, 3, 4]), try part("b", [2, 2], [5, 6, 7, 8])]
        let rows = try ShardedCheckpoint(parts) { _ in 0 }.require("w", shape: [4, 2])
        #expect(try rows.tensor().array == [1, 2, 3, 4, 5, 6, 7, 8])
        let columns = try ShardedCheckpoint(parts) { _ in 1 }.require("w", shape: [2, 4])
        #expect(try columns.tensor().array == [1, 2, 5, 6, 3, 4, 7, 8])
        let same = try ShardedCheckpoint([parts[0], parts[0]]) { _ in nil }.require("w", shape: [2, 2])
        #expect(same.bytes.owner is MappedFile)
        let uneven = [parts[0], try part("c", [2, 1], [9, 10])]
        let wide = try ShardedCheckpoint(uneven) { _ in 1 }.require("w", shape: [2, 3])
        #expect(try wide.tensor().array == [1, 2, 9, 3, 4, 10])
    }

    @Test func whatDoesNotFitIsFound() throws {
        let a = try part("a", [2, 2], [1, 2, 3, 4])
        let parts = [a, try part("b", [2, 1], [5, 6])]
        #expect(fault { _ = try ShardedCheckpoint(parts) { _ in 0 } }.hasSuffix("w: expected f32 [2, 2], found f32 [2, 1]"))
        #expect(fault { _ = try ShardedCheckpoint(parts) { _ in nil } }.hasSuffix("w: expected f32 [2, 2], found f32 [2, 1]"))
        #expect(fault { _ = try ShardedCheckpoint([a, a]) { _ in 2 } }.contains("w: expected more than 2 dimensions"))
        let other = try part("c", [2, 2], [1, 2, 3, 5])
        #expect(
            fault { _ = try ShardedCheckpoint([a, other]) { _ in nil } }
                .hasSuffix("w: expected the same values in every part, found others"))
        let types = try Safetensors(path: Fixture.path("types.safetensors"))
        #expect(fault { _ = try ShardedCheckpoint([a, types]) { _ in 0 } }.contains("w: expected in the file"))
        #expect(fault { _ = try ShardedCheckpoint([]) { _ in 0 } }.contains("parts: expected in the file, found none"))
    }
}
