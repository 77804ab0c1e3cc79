import Checkpoints
import Glibc
import Golden
import Tensors
import Testing

@Suite struct GGUFWriterTests {
    private let folder = TemporaryFolder()
    private var path: String { folder.place("out.gguf") }

    private func written(_ writer: GGUFWriter, _ tensors: [String: [Float]] = [:]) throws -> GGUF {
        try writer.write(to: path) { entry, put in
            // In two parts, one of them odd.
            try (tensors[entry.name] ?? []).withUnsafeBytes { bytes in
                let middle = bytes.count / 2 | 1
                guard middle < bytes.count else { return try put(bytes) }
                try put(UnsafeRawBufferPointer(rebasing: bytes[..<middle]))
                try put(UnsafeRawBufferPointer(rebasing: bytes[middle...]))
            }
        }
        return try GGUF(path: path)
    }

    @Test func whatIsWrittenIsRead() throws {
        var writer = GGUFWriter()
        writer.set("text", .string("replaced"))
        writer.set("number", .uint32(4_000_000_000))
        writer.set("real", .float32(0.25))
        writer.set("flag", .bool(true))
        writer.set("texts", .strings([[], Array("é".utf8), [0xFF]]))
        writer.set("numbers", .int32s([-1, 2]))
        writer.set("reals", .float32s([1, 0.5]))
        writer.set("text", .string("你好"))
        writer.add("a", .f32, [2, 3])
        writer.add("nothing", .f32, [0])
        writer.add("b", .f32, [1])
        let file = try written(writer, ["a": [1, 2, 3, 4, 5, 6], "b": [7]])
        #expect(file.names == ["a", "nothing", "b"])
        #expect(try file.require("a", shape: [2, 3]).tensor().array == [1, 2, 3, 4, 5, 6])
        #expect(try file.require("b", shape: [1]).tensor().array == [7])
        #expect(file.metadata.count == 7)
        #expect(file.metadata["text"]?.string == "你好")
        #expect(file.metadata["number"]?.int == 4_000_000_000)
        #expect(file.metadata["real"]?.double == 0.25)
        #expect(file.metadata["flag"]?.bool == true)
        var texts: [[UInt8]] = []
        file.metadata["texts"]?.array?.forEachString { texts.append(Array($0)) }
        #expect(texts == [[], Array("é".utf8), [0xFF]])
        #expect(file.metadata["numbers"]?.array?.integers == [-1, 2])
        #expect(file.metadata["reals"]?.array?.doubles == [1, 0.5])
    }

    @Test func metadataIsTakenOverAsItIs() throws {
        let source = try GGUF(path: Fixture.path("types.gguf"))
        var writer = GGUFWriter()
        writer.copyMetadata(of: source)
        writer.set("u8", .string("another"))
        let copy = try written(writer)
        #expect(Set(copy.metadata.keys) == Set(source.metadata.keys).subtracting(["general.alignment"]))
        #expect(copy.metadata["u8"]?.string == "another")
        #expect(copy.metadata["u64"]?.int == 1 << 62)
        #expect(copy.metadata["f64"]?.double == 1.0 / 3)
        let nested = try #require(copy.metadata["array.nested"]?.array?.values)
        #expect(nested[2].array?.values.first?.array?.integers == [7])
    }

    @Test func whatIsForgottenComesAgain() throws {
        let bytes = (0..<40_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
        _ = folder.write("out.gguf", bytes)
        let file = try MappedFile(path: path)
        for part in [file.bytes, Bytes(base: file.bytes.base + 5000, count: 9000, owner: file)] {
            #expect(Array(file.bytes.buffer) == bytes)
            file.forget(part)
            #expect(Array(file.bytes.buffer) == bytes)
        }
    }

    @Test func aFailureLeavesWhatWasThere() throws {
        _ = folder.write("out.gguf", [1, 2, 3])
        var writer = GGUFWriter()
        writer.add("a", .f32, [4])
        struct Trouble: Error {}
        #expect(throws: Trouble.self) { try writer.write(to: path) { _, _ in throw Trouble() } }
        #expect(try MappedFile(path: path).count == 3)
        #expect(access(path + ".part", F_OK) != 0)
        #expect(
            fault { try writer.write(to: folder.path + "/none/out.gguf") { _, _ in } }.contains(
                "cannot be written: No such"))
    }
}
