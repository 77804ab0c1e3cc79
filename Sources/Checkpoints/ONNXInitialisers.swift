import Tensors

/// The initialisers of an ONNX file, and the nodes that use them.
///
/// Source: onnx.proto (ModelProto, GraphProto, NodeProto, TensorProto). Only the main graph is read; raw data and packed
/// floats stay in the file, other encodings are copied. Exporters name the weights of linear layers `onnx::MatMul_N`:
/// they are found through the node that uses them. Such weights are stored inputs × outputs.
public final class ONNXInitialisers: Checkpoint {
    /// A step of the graph.
    public struct Node: Sendable {
        public let name: String
        public let opType: String
        public let inputs: [String]
        public let outputs: [String]
    }

    public let file: String
    /// `metadata_props`, and `producer_name`, `producer_version` if given.
    public let metadata: [String: MetadataValue]
    /// The nodes of the main graph, in the order of the file.
    public let nodes: [Node]
    public var names: [String] { directory.names }
    private let directory: TensorDirectory
    private let nodeIndex: [String: Int]

    /// Maps the file and checks everything but the weights' values.
    public init(path: String) throws(CheckpointError) {
        let mapping = try MappedFile(path: path)
        file = path
        var directory = TensorDirectory(file: path)
        var nodes: [Node] = []
        var metadata: [String: MetadataValue] = [:]
        var hasGraph = false
        var model = ProtobufReader(mapping.bytes.buffer, file: path, message: "ModelProto")
        while let (field, value) = try model.next() {
            switch (field, value) {
            case (2, .bytes): metadata["producer_name"] = .string(value.text ?? "")
            case (3, .bytes): metadata["producer_version"] = .string(value.text ?? "")
            case (7, .bytes(let bytes)):
                hasGraph = true
                try Self.graph(bytes, owner: mapping, nodes: &nodes, directory: &directory)
            case (14, .bytes(let bytes)):
                let (key, text) = try Self.property(bytes, file: path)
                metadata[key] = .string(text)
            default: break
            }
        }
        guard hasGraph else {
            throw .malformed(file: path, key: "ModelProto", expected: "a graph (field 7)", found: "none")
        }
        self.directory = directory
        self.nodes = nodes
        self.metadata = metadata
        nodeIndex = Dictionary(nodes.indices.map { (nodes[$0].name, $0) }) { first, _ in first }
    }

    public func view(_ name: String) -> TensorView? { directory.view(name) }

    public func require(_ name: String, shape: [Int]?) throws(CheckpointError) -> TensorView {
        try directory.require(name, shape: shape)
    }

    /// The first node of that name.
    public func node(_ name: String) -> Node? { nodeIndex[name].map { nodes[$0] } }

    /// The initialiser that the node of that name uses; if it uses several, the one of the given shape.
    public func require(ofNode name: String, shape: [Int]? = nil) throws(CheckpointError) -> TensorView {
        guard let node = node(name) else {
            throw .missing(file: file, key: "node \(name)", found: "\(nodes.count) others")
        }
        let views = node.inputs.compactMap(view)
        if let view = views.first(where: { shape == nil || $0.shape == shape }) { return view }
        if let refused = node.inputs.first(where: { directory.names.contains($0) && view($0) == nil }) {
            return try directory.require(refused, shape: shape)
        }
        throw .malformed(
            file: file, key: "node \(name)", expected: "an initialiser \(shape.map { "of shape \($0) " } ?? "")among its inputs",
            found: views.isEmpty ? "none" : views.map { "\($0.name) \($0.shape)" }.joined(separator: ", "))
    }

    private static func graph(
        _ bytes: UnsafeRawBufferPointer, owner: MappedFile, nodes: inout [Node], directory: inout TensorDirectory
    ) throws(CheckpointError) {
        var graph = ProtobufReader(bytes, file: owner.path, message: "GraphProto")
        while let (field, value) = try graph.next() {
            switch (field, value) {
            case (1, .bytes(let bytes)): nodes.append(try Node(bytes, file: owner.path))
            case (5, .bytes(let bytes)):
                try ONNXTensor(bytes, file: owner.path).add(to: &directory, owner: owner)
            default: break
            }
        }
    }

    private static func property(
        _ bytes: UnsafeRawBufferPointer, file: String
    ) throws(CheckpointError) -> (key: String, value: String) {
        var (key, text) = ("", "")
        var reader = ProtobufReader(bytes, file: file, message: "StringStringEntryProto")
        while let (field, value) = try reader.next() {
            if field == 1 { key = value.text ?? "" }
            if field == 2 { text = value.text ?? "" }
        }
        return (key, text)
    }
}

extension ONNXInitialisers.Node {
    fileprivate init(_ bytes: UnsafeRawBufferPointer, file: String) throws(CheckpointError) {
        var (name, opType) = ("", "")
        var (inputs, outputs): ([String], [String]) = ([], [])
        var reader = ProtobufReader(bytes, file: file, message: "NodeProto")
        while let (field, value) = try reader.next() {
            guard let text = (1...4).contains(field) ? value.text : nil else { continue }
            switch field {
            case 1: inputs.append(text)
            case 2: outputs.append(text)
            case 3: name = text
            default: opType = text
            }
        }
        self.init(name: name, opType: opType, inputs: inputs, outputs: outputs)
    }
}
