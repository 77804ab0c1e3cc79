import Checkpoints
import Golden
import Tensors
import Testing

@Suite struct SafetensorsTests {
    let path = Fixture.path("types.safetensors")

    @Test func everyTypeIsWidened() throws {
        let file = try Safetensors(path: path)
        let expected = try Fixture.expected("safetensors.")
        #expect(expected.count == 12)
        for (name, tensor) in expected {
            #expect(try file.require(name).shape == tensor.shape, "\(name)")
            #expect(try file.require(name).tensor().array == tensor.array, "\(name)")
        }
        #expect(file.names.count == 13)
        #expect(fault { _ = try file.require("I16") }.hasSuffix("found type I16"))
    }

    @Test func metadataIsRead() throws {
        let metadata = try Safetensors(path: path).metadata
        #expect(metadata["format"]?.string == "pt")
        #expect(metadata["note"]?.string == "a \"quoted\" word, 你好 😀")
    }

    @Test func liesAreFound() throws {
        let folder = TemporaryFolder()
        func file(_ header: String, data: Int) -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: 8).with(UInt64(header.utf8.count), at: 0)
            bytes += Array(header.utf8) + [UInt8](repeating: 0, count: data)
            return bytes
        }
        func fault(_ bytes: [UInt8]) -> String {
            CheckpointsTests.fault { _ = try Safetensors(path: folder.write("a.safetensors", bytes)) }
                .replacing("\(folder.path)/a.safetensors: ", with: "")
        }
        func one(_ fields: String, data: Int = 8) -> String { fault(file("{\"w\": {\(fields)}}", data: data)) }
        let good = "\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]"
        #expect(one(good) == "no error")
        #expect(fault(file("{}", data: 0)) == "no error")
        #expect(fault([]) == "header length: the file is cut short: expected 8 bytes at offset 0, found 0")
        #expect(fault([UInt8](repeating: 255, count: 8)).hasPrefix("header length: expected at most 100000000 bytes"))
        #expect(fault(file("{}", data: 0).with(UInt64(3), at: 0)).hasPrefix("header: the file is cut short"))
        #expect(fault(file("[]", data: 0)) == "header: expected an object, found an array")
        #expect(one(good, data: 7) == "w: the file is cut short: expected data up to byte 8, found 7 bytes of data")
        #expect(one(good, data: 9) == "data: expected tensors that cover all data, found bytes 8 to 9 belong to none")
        #expect(one("\"dtype\":\"F31\",\"shape\":[2],\"data_offsets\":[0,8]") == "w.dtype: expected a type name, found \"F31\"")
        #expect(
            one("\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]")
                == "w.data_offsets: expected 12 bytes (F32 [3]), found 8")
        #expect(one("\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,8]").hasPrefix("w.shape: expected a list of sizes"))
        #expect(one("\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,8]").hasPrefix("w.shape"))
        #expect(
            one("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]").hasPrefix("w.data_offsets: expected a begin and an end")
        )
        #expect(
            one("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,9223372036854775807]").hasPrefix("w: the file is cut short"))
        #expect(one("\"dtype\":\"F32\",\"shape\":[2]").hasPrefix("w: expected an object of dtype, shape and data_offsets"))
        #expect(fault(file("{\"w\":{\(good)},\"w\":{\(good)}}", data: 8)) == "w: expected each name once, found it twice")
        #expect(fault(file("{\"w\":{\(good)},\"v\":{\(good)}}", data: 8)).contains("an overlap with another tensor at byte 0"))
        let hole = "\"v\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[12,16]}"
        #expect(fault(file("{\"w\":{\(good)},\(hole)}", data: 16)).hasSuffix("found bytes 8 to 12 belong to none"))
        #expect(fault(file("{\"__metadata__\":{\"a\":1}}", data: 0)) == "__metadata__.a: expected a string, once, found 1")
        let deep = String(repeating: "[", count: 100_000)
        #expect(fault(file("{\"w\":\(deep)", data: 0)).contains("expected at most 8 levels of nesting"))
    }
}
