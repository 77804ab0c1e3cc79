import Foundation

/// A DINOv2 with random weights as an ONNX file, its names those of an export of Hugging Face's: for measuring only.
///
/// Source: onnx.proto (ModelProto and what it holds), operator set 17.
struct ONNXVision {
    let width: Int
    let layers: Int
    let heads: Int
    private let patch = 14
    private let grid = 16

    init(width: Int, layers: Int, heads: Int) { (self.width, self.layers, self.heads) = (width, layers, heads) }

    func write(to path: String) throws {
        var graph = Graph()
        let (D, N, d) = (width, 1 + grid * grid, width / heads)
        graph.weight("backbone.embeddings.patch_embeddings.projection.weight", [D, 3, patch, patch])
        graph.weight("backbone.embeddings.patch_embeddings.projection.bias", [D])
        graph.weight("backbone.embeddings.cls_token", [1, 1, D])
        graph.weight("class_position", [1, 1, D])
        graph.weight("positions", [1, grid * grid, D])
        graph.integers("flat", [1, D, grid * grid])
        graph.integers("grid", [1, grid * grid, D])
        graph.integers("heads", [1, N, heads, d])
        graph.integers("joined", [1, N, D])
        graph.scalar("scale", 1 / Float(d).squareRoot())
        graph.scalar("root2", Float(2).squareRoot())
        graph.scalar("one", 1)
        graph.scalar("half", 0.5)
        graph.node(
            "Conv",
            [
                "pixel_values", "backbone.embeddings.patch_embeddings.projection.weight",
                "backbone.embeddings.patch_embeddings.projection.bias",
            ], "patches", [.init("strides", [patch, patch])])
        graph.node("Reshape", ["patches", "flat"], "columns")
        graph.node("Transpose", ["columns"], "rows", [.init("perm", [0, 2, 1])])
        graph.node("Concat", ["backbone.embeddings.cls_token", "rows"], "tokens", [.init("axis", 1)])
        graph.node("Reshape", ["positions", "grid"], "grid_positions", name: "/backbone/embeddings/Reshape_1")
        graph.node(
            "Concat", ["class_position", "grid_positions"], "all_positions", [.init("axis", 1)],
            name: "/backbone/embeddings/Concat_6")
        graph.node("Add", ["tokens", "all_positions"], "x0")
        for i in 0..<layers { block(i, &graph) }
        norm("backbone.layernorm", "x\(2 * layers)", "/backbone/layernorm/Add_1_output_0", &graph)
        let input = ProtobufMessage.value("pixel_values", [1, 3, grid * patch, grid * patch])
        let output = ProtobufMessage.value("/backbone/layernorm/Add_1_output_0", [1, N, D])
        try graph.model(input: input, output: output).write(to: URL(fileURLWithPath: path), options: .atomic)
    }

    private func block(_ i: Int, _ graph: inout Graph) {
        let key = "backbone.encoder.layer.\(i)"
        let (from, middle, to) = ("x\(2 * i)", "x\(2 * i + 1)", "x\(2 * i + 2)")
        norm("\(key).norm1", from, "n\(i)", &graph)
        for part in ["query", "key", "value"] {
            linear(i, "attention/attention/\(part)", "n\(i)", "\(part)\(i)", width, width, &graph)
            graph.node("Reshape", ["\(part)\(i)", "heads"], "\(part)s\(i)")
            graph.node(
                "Transpose", ["\(part)s\(i)"], "\(part)t\(i)", [.init("perm", part == "key" ? [0, 2, 3, 1] : [0, 2, 1, 3])])
        }
        graph.node("MatMul", ["queryt\(i)", "keyt\(i)"], "products\(i)")
        graph.node("Mul", ["products\(i)", "scale"], "scores\(i)")
        graph.node("Softmax", ["scores\(i)"], "weights\(i)", [.init("axis", -1)])
        graph.node("MatMul", ["weights\(i)", "valuet\(i)"], "mixed\(i)")
        graph.node("Transpose", ["mixed\(i)"], "beside\(i)", [.init("perm", [0, 2, 1, 3])])
        graph.node("Reshape", ["beside\(i)", "joined"], "attention\(i)")
        linear(i, "attention/output/dense", "attention\(i)", "dense\(i)", width, width, &graph)
        add("\(key).layer_scale1.lambda1", "dense\(i)", from, middle, &graph)
        norm("\(key).norm2", middle, "m\(i)", &graph)
        linear(i, "mlp/fc1", "m\(i)", "fc1_\(i)", 4 * width, width, &graph)
        // The exact GELU as exports write it: x (1 + erf(x / √2)) / 2.
        graph.node("Div", ["fc1_\(i)", "root2"], "part\(i)")
        graph.node("Erf", ["part\(i)"], "erf\(i)")
        graph.node("Add", ["erf\(i)", "one"], "up\(i)")
        graph.node("Mul", ["fc1_\(i)", "up\(i)"], "twice\(i)")
        graph.node("Mul", ["twice\(i)", "half"], "gelu\(i)")
        linear(i, "mlp/fc2", "gelu\(i)", "fc2_\(i)", width, 4 * width, &graph)
        add("\(key).layer_scale2.lambda1", "fc2_\(i)", middle, to, &graph)
    }

    private func norm(_ key: String, _ from: String, _ to: String, _ graph: inout Graph) {
        graph.weight("\(key).weight", [width])
        graph.weight("\(key).bias", [width])
        graph.node(
            "LayerNormalization", [from, "\(key).weight", "\(key).bias"], to, [.init("axis", -1), .init("epsilon", 1e-6)])
    }

    private func linear(_ i: Int, _ path: String, _ from: String, _ to: String, _ rows: Int, _ columns: Int, _ graph: inout Graph)
    {
        let node = "/backbone/encoder/layer.\(i)/\(path)/MatMul"
        graph.weight("weight of \(node)", [columns, rows])
        graph.weight("backbone.encoder.layer.\(i).\(path.replacing("/", with: ".")).bias", [rows])
        graph.node("MatMul", [from, "weight of \(node)"], "\(to) bare", name: node)
        graph.node("Add", ["\(to) bare", "backbone.encoder.layer.\(i).\(path.replacing("/", with: ".")).bias"], to)
    }

    private func add(_ scale: String, _ change: String, _ from: String, _ to: String, _ graph: inout Graph) {
        graph.weight(scale, [width])
        graph.node("Mul", [change, scale], "\(to) change")
        graph.node("Add", [from, "\(to) change"], to)
    }
}

/// The parts of a GraphProto, in the order in which they come.
private struct Graph {
    struct Attribute {
        let bytes: ProtobufMessage

        init(_ name: String, _ value: Int) { bytes = Self.named(name, type: 2) { $0.integer(3, value) } }
        init(_ name: String, _ value: Float) { bytes = Self.named(name, type: 1) { $0.float(2, value) } }
        init(_ name: String, _ values: [Int]) {
            bytes = Self.named(name, type: 7) { message in for value in values { message.integer(8, value) } }
        }

        private static func named(_ name: String, type: Int, _ value: (inout ProtobufMessage) -> Void) -> ProtobufMessage {
            var message = ProtobufMessage()
            message.text(1, name)
            value(&message)
            message.integer(20, type)
            return message
        }
    }

    private var parts = ProtobufMessage()
    private let noise = SyntheticModels.Noise()

    mutating func node(_ type: String, _ inputs: [String], _ output: String, _ attributes: [Attribute] = [], name: String? = nil)
    {
        var node = ProtobufMessage()
        for input in inputs { node.text(1, input) }
        node.text(2, output)
        node.text(3, name ?? "\(type) \(output)")
        node.text(4, type)
        for attribute in attributes { node.message(5, attribute.bytes) }
        parts.message(1, node)
    }

    mutating func weight(_ name: String, _ shape: [Int]) {
        tensor(name, shape, type: 1, noise.floats(shape.reduce(1, *)).withUnsafeBytes { Data($0) })
    }

    mutating func scalar(_ name: String, _ value: Float) {
        tensor(name, [], type: 1, withUnsafeBytes(of: value) { Data($0) })
    }

    mutating func integers(_ name: String, _ values: [Int]) {
        tensor(name, [values.count], type: 7, values.withUnsafeBytes { Data($0) })
    }

    private mutating func tensor(_ name: String, _ shape: [Int], type: Int, _ bytes: Data) {
        var tensor = ProtobufMessage()
        for size in shape { tensor.integer(1, size) }
        tensor.integer(2, type)
        tensor.text(8, name)
        tensor.bytes(9, bytes)
        parts.message(5, tensor)
    }

    func model(input: ProtobufMessage, output: ProtobufMessage) -> Data {
        var graph = parts
        graph.text(2, "random weights, for measuring")
        graph.message(11, input)
        graph.message(12, output)
        var model = ProtobufMessage()
        model.integer(1, 8)
        model.message(7, graph)
        var operators = ProtobufMessage()
        operators.text(1, "")
        operators.integer(2, 17)
        model.message(8, operators)
        return model.data
    }
}

/// A message of Protocol Buffers as its bytes.
private struct ProtobufMessage {
    private(set) var data = Data()

    private mutating func varint(_ value: UInt64) {
        var value = value
        while value >= 128 {
            data.append(UInt8(value & 127 | 128))
            value >>= 7
        }
        data.append(UInt8(value))
    }

    mutating func integer(_ field: UInt64, _ value: Int) {
        varint(field << 3)
        varint(UInt64(bitPattern: Int64(value)))
    }

    mutating func float(_ field: UInt64, _ value: Float) {
        varint(field << 3 | 5)
        withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) }
    }

    mutating func bytes(_ field: UInt64, _ bytes: Data) {
        varint(field << 3 | 2)
        varint(UInt64(bytes.count))
        data.append(bytes)
    }

    mutating func text(_ field: UInt64, _ text: String) { bytes(field, Data(text.utf8)) }
    mutating func message(_ field: UInt64, _ message: ProtobufMessage) { bytes(field, message.data) }

    /// A ValueInfoProto of float32.
    static func value(_ name: String, _ shape: [Int]) -> ProtobufMessage {
        var dimensions = ProtobufMessage()
        for size in shape {
            var dimension = ProtobufMessage()
            dimension.integer(1, size)
            dimensions.message(1, dimension)
        }
        var tensor = ProtobufMessage()
        tensor.integer(1, 1)
        tensor.message(2, dimensions)
        var type = ProtobufMessage()
        type.message(1, tensor)
        var value = ProtobufMessage()
        value.text(1, name)
        value.message(2, type)
        return value
    }
}
