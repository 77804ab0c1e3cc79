import Checkpoints
import Golden
import Tensors
import Testing

@Suite struct ONNXTests {
    let path = Fixture.path("types.onnx")

    @Test func everyEncodingIsWidened() throws {
        let file = try ONNXInitialisers(path: path)
        let expected = try Fixture.expected("onnx.")
        #expect(expected.count == 14)
        for (name, tensor) in expected {
            #expect(try file.require(name).shape == tensor.shape, "\(name)")
            #expect(try file.require(name).tensor().array == tensor.array, "\(name)")
        }
        #expect(file.metadata["author"]?.string == "us")
        #expect(file.metadata["producer_name"]?.string == "make.py")
    }

    @Test func rawDataAndPackedFloatsStayInTheFile() throws {
        let file = try ONNXInitialisers(path: path)
        for name in ["raw", "float packed", "double packed"] {
            #expect(try file.require(name).bytes.owner is MappedFile, "\(name)")
        }
        #expect(!(try file.require("float single").bytes.owner is MappedFile))
    }

    @Test func weightsAreFoundThroughTheirNode() throws {
        let file = try ONNXInitialisers(path: path)
        #expect(file.nodes.map(\.opType) == ["MatMul", "Add"])
        #expect(file.node("/layer/MatMul")?.inputs == ["x", "onnx::MatMul_7"])
        #expect(try file.require(ofNode: "/layer/MatMul").name == "onnx::MatMul_7")
        #expect(try file.require(ofNode: "/layer/MatMul", shape: [2, 3]).name == "onnx::MatMul_7")
        #expect(
            fault { _ = try file.require(ofNode: "/layer/MatMul", shape: [3, 2]) }.hasSuffix(
                "node /layer/MatMul: expected an initialiser of shape [3, 2] among its inputs, found onnx::MatMul_7 [2, 3]"))
        #expect(fault { _ = try file.require(ofNode: "/other") }.hasSuffix("node /other: expected in the file, found 2 others"))
        #expect(fault { _ = try file.require(ofNode: "/layer/Add") }.contains("words: not supported"))
        #expect(fault { _ = try file.require("elsewhere") }.hasSuffix("found type kept in another file"))
    }

    @Test func everyTruncationIsFound() throws {
        let folder = TemporaryFolder()
        let good = try Fixture.bytes("types.onnx")
        // Behind the graph stand only fields that may be missing.
        let end = good.offset(of: "main") + 4
        for count in 0..<end {
            let message = fault { _ = try ONNXInitialisers(path: folder.write("a.onnx", Array(good[..<count]))) }
            #expect(message != "no error", "\(count) bytes")
        }
    }

    @Test(.enabled(if: Golden.dinov2 != nil, "the DINOv2 ONNX is not in the data folder: make setup fetches it"))
    func realFileHasTheWeightsOfDINOv2() throws {
        let file = try ONNXInitialisers(path: try #require(Golden.dinov2))
        for layer in 0..<12 {
            let name = "/backbone/encoder/layer.\(layer)/attention/attention/query/MatMul"
            let view = try file.require(ofNode: name, shape: [384, 384])
            #expect(view.name.hasPrefix("onnx::MatMul_"))
            #expect(view.bytes.owner is MappedFile)
        }
        #expect(try file.require("onnx::Concat_1957", shape: [1, 1, 384]).type == .f32)
        #expect(try file.require("onnx::Reshape_1962", shape: [1, 1369, 384]).type == .f32)
    }
}
