import Checkpoints
import Golden
import Tensors
import Testing

@Suite struct SafetensorsIndexTests {
    private let folder = TemporaryFolder()

    /// Writes a safetensors file of float32 tensors of one element.
    private func part(_ name: String, _ tensors: [(String, Float)]) {
        let lines = tensors.enumerated().map {
            #""\#($1.0)":{"dtype":"F32","shape":[1],"data_offsets":[\#($0 * 4),\#($0 * 4 + 4)]}"#
        }
        let header = "{\(lines.joined(separator: ","))}"
        let bytes = [UInt8](repeating: 0, count: 8).with(UInt64(header.utf8.count), at: 0)
        let data = tensors.flatMap { withUnsafeBytes(of: $0.1) { Array($0) } }
        _ = folder.write(name, bytes + Array(header.utf8) + data)
    }

    private func opened(_ map: String) throws -> SafetensorsIndex {
        try SafetensorsIndex(path: folder.write("index.json", Array(#"{"weight_map":\#(map)}"#.utf8)))
    }

    @Test func partsAreOneFile() throws {
        part("1.safetensors", [("a", 1), ("b", 2)])
        part("2.safetensors", [("c", 3)])
        let file = try opened(#"{"c":"2.safetensors","a":"1.safetensors","b":"1.safetensors"}"#)
        #expect(file.names == ["a", "b", "c"])
        #expect(file.parts == ["1", "2"].map { "\(folder.path)/\($0).safetensors" })
        #expect(try file.require("c", shape: [1]).tensor().array == [3])
        #expect(file.view("a")?.bytes.owner is MappedFile)
        #expect(file.view("d") == nil)
        #expect(fault { _ = try file.require("d") }.hasSuffix("d: expected in the file, found 3 others"))
        #expect(fault { _ = try file.require("c", shape: [2]) }.hasSuffix("expected shape [2], found shape [1]"))
    }

    @Test func whatDoesNotFitIsFound() {
        part("1.safetensors", [("a", 1), ("b", 2)])
        part("2.safetensors", [("a", 3)])
        for (map, expected) in [
            ("3", "weight_map: expected an object of tensors and their files, found 3"),
            ("{}", "weight_map: expected an object of tensors and their files, found an object"),
            (
                #"{"a":"../1.safetensors"}"#,
                "weight_map.a: expected a safetensors file of this folder, found \"../1.safetensors\""
            ),
            (#"{"a":"1.bin"}"#, "weight_map.a: expected a safetensors file of this folder, found \"1.bin\""),
            (#"{"a":1}"#, "weight_map.a: expected a safetensors file of this folder, found 1"),
            (#"{"a":"1.safetensors","a":"2.safetensors"}"#, "weight_map.a: expected it once, found it twice"),
            (#"{"a":"1.safetensors"}"#, "weight_map.b: expected \"1.safetensors\", which has it, found none"),
            (
                #"{"a":"2.safetensors","b":"1.safetensors"}"#,
                "weight_map.a: expected \"1.safetensors\", which has it, found 2.safetensors"
            ),
            (
                #"{"a":"1.safetensors","b":"1.safetensors","c":"1.safetensors"}"#,
                "c: expected in the file, found none, though the index says so"
            ),
            (#"{"a":"3.safetensors"}"#, "3.safetensors: cannot be read: No such file or directory"),
        ] {
            #expect(fault { _ = try opened(map) }.hasSuffix(expected), "\(map)")
        }
    }
}
