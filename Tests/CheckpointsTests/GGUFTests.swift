import Checkpoints
import Golden
import Tensors
import Testing

@Suite struct GGUFTests {
    let path = Fixture.path("types.gguf")

    @Test func everyTensorTypeIsWidened() throws {
        let file = try GGUF(path: path)
        let expected = try Fixture.expected("gguf.")
        #expect(expected.count == 16)
        for (name, tensor) in expected {
            let view = try file.require(name)
            #expect(view.shape == tensor.shape, "\(name)")
            #expect(view.type.rawValue == name || name == "vector")
            #expect(Golden.difference(try view.tensor(), tensor) <= 2e-6, "\(name)")
        }
        #expect(file.names.count == 17)
        #expect(file.version == 3)
    }

    @Test func matrixIsNotCopied() throws {
        let file = try GGUF(path: path)
        let view = try file.require("q4_1", shape: [2, 96])
        let matrix = try view.matrix()
        #expect(matrix.bytes.base == view.bytes.base)
        #expect((matrix.rows, matrix.columns) == (2, 96))
        #expect(fault { _ = try file.require("vector").matrix() }.hasSuffix("vector: expected two dimensions, found shape [5]"))
    }

    @Test func everyMetadataTypeIsRead() throws {
        let values = try GGUF(path: path).metadata
        let integers = [
            "u8": 200, "i8": -100, "u16": 60000, "i16": -30000, "u32": 4_000_000_000, "i32": -2_000_000_000,
            "u64": 1 << 62, "i64": -(1 << 62),
        ]
        for (key, value) in integers { #expect(values[key]?.int == value, "\(key)") }
        #expect(values["f32"]?.double == 0.5)
        #expect(values["f64"]?.double == 1.0 / 3)
        #expect(values["bool"]?.bool == true)
        #expect(values["string"]?.string == "你好")
        #expect(values["array.i32"]?.array?.integers == [1, -2, 3])
        #expect(values["array.string"]?.array?.values.map(\.string) == ["a", "", "déjà"])
        #expect(values["array.bool"]?.array?.values.map(\.bool) == [true, false])
        #expect(values["array.f32"]?.array?.doubles == [0.5, 0.25])
        #expect(values["array.empty"]?.array?.count == 0)
        let nested = try #require(values["array.nested"]?.array?.values)
        #expect(nested.count == 3)
        #expect(nested[0].array?.integers == [1, 2])
        #expect(nested[1].array?.values.map(\.string) == ["x"])
        #expect(nested[2].array?.values.first?.array?.integers == [7])
    }

    @Test func whatIsNotReadIsNamed() throws {
        let file = try GGUF(path: path)
        #expect(file.view("unread") == nil)
        #expect(fault { _ = try file.require("unread") }.contains("unread: not supported: expected one of f32, f16"))
        #expect(fault { _ = try file.require("unread") }.hasSuffix("found type Q2_K"))
        #expect(
            fault { _ = try file.require("vektor") }.hasSuffix("vektor: expected in the file, found 17 others (nearest: vector)"))
        #expect(
            fault { _ = try file.require("vector", shape: [6]) } == "\(path): vector: expected shape [6], found shape [5]")
    }

    @Test func liesAreFound() throws {
        let folder = TemporaryFolder()
        let good = try Fixture.bytes("types.gguf")
        func fault(_ bytes: [UInt8]) -> String {
            CheckpointsTests.fault { _ = try GGUF(path: folder.write("a.gguf", bytes)) }
                .replacing("\(folder.path)/a.gguf: ", with: "")
        }
        #expect(fault(good) == "no error")
        #expect(fault(good.with(UInt32(2), at: 4)) == "no error")
        #expect(fault([]) == "magic: the file is cut short: expected 4 bytes at offset 0, found 0")
        #expect(fault(good.with(UInt8(0), at: 0)) == "magic: expected \"GGUF\", found the bytes 0 47 55 46")
        #expect(fault(good.with(UInt32(1), at: 4)).hasSuffix("expected 2 or 3, little-endian, found 1"))
        #expect(fault(good.with(UInt32(3).byteSwapped, at: 4)).hasSuffix("found 3, big-endian"))
        #expect(fault(good.with(UInt64.max, at: 16)).contains("expected"))
        #expect(fault(good.with(UInt64.max, at: 8)).contains("expected"))
        #expect(fault(good.with(UInt64(1) << 63, at: 24)).contains("metadata key 0: the file is cut short"))
        #expect(fault(good.replacing("array.i32", with: "array.f32")) == "array.f32: expected each key once, found it twice")
        let bool = good.offset(of: "bool") + 8
        #expect(fault(good.with(UInt8(2), at: bool)) == "bool: expected 0 or 1 for a truth value, found 2")
        #expect(fault(good.with(UInt32(13), at: bool - 4)) == "bool: expected a value type from 0 to 12, found 13")
        let strings = good.offset(of: "array.string") + 12 + 4
        #expect(fault(good.with(UInt64.max, at: strings + 4)).contains("array.string"))
        let numbers = good.offset(of: "array.i32") + 9 + 4
        #expect(
            fault(good.with(UInt64(1) << 62, at: numbers + 4)).hasPrefix(
                "array.i32: the file is cut short: expected 18446744073709551615 bytes"))
        let alignment = good.offset(of: "general.alignment") + 17 + 4
        for bad in [0, 3, 1 << 30] as [UInt32] {
            #expect(
                fault(good.with(bad, at: alignment)) == "general.alignment: expected a power of two up to 1048576, found \(bad)")
        }
        let vector = good.offset(of: "vector") + 6
        #expect(fault(good.with(UInt32(5), at: vector)) == "vector: expected at most 4 dimensions, found 5")
        #expect(fault(good.with(UInt64.max, at: vector + 4)).hasPrefix("vector: expected a dimension up to"))
        #expect(fault(good.with(UInt64(1) << 60, at: vector + 4)).contains("vector: expected a shape"))
        #expect(
            fault(good.with(UInt64(1) << 40, at: vector + 4)).hasPrefix(
                "vector: the file is cut short: expected 4398046511104 bytes"))
        #expect(fault(good.with(UInt64(0), at: vector + 16)).contains("an overlap with another tensor at byte"))
        #expect(fault(good.with(UInt64(1), at: vector + 16)) == "vector: expected data at a multiple of 64 bytes, found offset 1")
        #expect(fault(good.with(UInt64.max - 63, at: vector + 16)).hasPrefix("vector: the file is cut short"))
        #expect(fault(good.replacing("vector", with: "unread")) == "unread: expected each name once, found it twice")
        let block = good.offset(of: "q6_K") + 4 + 4
        #expect(fault(good.with(UInt64(100), at: block)).hasPrefix("q6_K: expected a shape in blocks of 256 (Q6_K)"))
    }

    @Test func everyTruncationIsFound() throws {
        let folder = TemporaryFolder()
        let good = try Fixture.bytes("types.gguf")
        // The last tensor's data ends before the file does; all before it is needed.
        for count in stride(from: 0, to: good.count - 64, by: 7) {
            #expect(fault { _ = try GGUF(path: folder.write("a.gguf", Array(good[..<count]))) } != "no error", "\(count) bytes")
        }
    }

    @Test func deepArraysAreRefused() throws {
        let folder = TemporaryFolder()
        var bytes = Array("GGUF".utf8) + number(UInt32(3)) + number(UInt64(0)) + number(UInt64(1))
        bytes += number(UInt64(1)) + Array("k".utf8) + number(UInt32(9))
        for _ in 0..<100_000 { bytes += number(UInt32(9)) + number(UInt64(1)) }
        #expect(
            fault { _ = try GGUF(path: folder.write("a.gguf", bytes)) }.hasSuffix(
                "k: expected arrays nested at most 4 deep, found more"))
    }

    private func number<T: FixedWidthInteger>(_ value: T) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
}

/// The real SmolLM2 file against values dequantised by transformers (fixtures/smollm2/dequant.json).
@Suite(
    .enabled(if: Golden.smolLM2 != nil, "the SmolLM2 GGUF is not in the data folder: make setup fetches it"),
    .enabled(if: Golden.fixture("smollm2/dequant.json") != nil, "the reference numbers are not beside the repository"))
struct SmolLM2WeightsTests {
    @Test func weightsAreThoseOfTheReference() throws {
        let file = try GGUF(path: try #require(Golden.smolLM2))
        #expect(file.names.count == 272)
        let reference = try #require(Golden.fixture("smollm2/dequant.json"))
        let entries = try JSONValue(path: reference).array ?? []
        #expect(entries.count == 7)
        for entry in entries {
            let name = try #require(entry["name"]?.string)
            let view = try file.require(name)
            #expect(view.type.rawValue == entry["type"]?.string?.lowercased())
            let shape = (entry["shape_rows_cols"]?.array ?? []).compactMap(\.int)
            #expect(view.shape == shape || view.count == shape.reduce(1, *), "\(name)")
            let values = try view.tensor().array
            func numbers(_ key: String) -> [Float] { entry[key]?.array?.compactMap(\.double).map(Float.init) ?? [] }
            #expect(Array(values.prefix(64)) == numbers("first_64"), "\(name)")
            #expect(Array(values.suffix(8)) == numbers("last_8"), "\(name)")
            let (sum, squares) = values.reduce((0.0, 0.0)) { ($0.0 + Double($1), $0.1 + Double($1) * Double($1)) }
            #expect(abs(sum - (entry["sum_f64"]?.double ?? .nan)) <= 1e-5 * max(1, abs(sum)), "\(name)")
            #expect(abs(squares - (entry["sum_sq_f64"]?.double ?? .nan)) <= 1e-5 * squares, "\(name)")
        }
    }

    @Test func fingerprintIsTheFiles() throws {
        #expect(
            try Fingerprint.sha256(of: try #require(Golden.smolLM2))
                == "sha256:b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53")
    }
}
