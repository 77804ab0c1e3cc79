/// Opens a checkpoint by what is in it, not by its name.
public enum CheckpointReader {
    /// What a file is, told from its first bytes.
    public enum Format: String, Sendable {
        case gguf = "GGUF"
        case safetensors = "safetensors"
        case onnx = "ONNX"
        case pytorchZip = "a PyTorch zip archive"
        case torchScript = "a TorchScript archive"
        case pytorchPickle = "a PyTorch file of the old, unzipped kind"
    }

    private static let formats = "GGUF, safetensors, ONNX or a PyTorch zip archive"

    /// Maps a GGUF, safetensors, ONNX or PyTorch file. Other formats are named in the error.
    public static func open(_ path: String) throws(CheckpointError) -> any Checkpoint {
        let format = try format(of: path)
        switch format {
        case .gguf: return try GGUF(path: path)
        case .safetensors: return try Safetensors(path: path)
        case .onnx: return try ONNXInitialisers(path: path)
        case .pytorchZip, .torchScript: return try PyTorchArchive(path: path)
        case .pytorchPickle:
            throw .unsupported(file: path, key: "format", expected: formats, found: format.rawValue)
        }
    }

    /// Recognises a file's format without reading its tensors.
    public static func format(of path: String) throws(CheckpointError) -> Format {
        let mapping = try MappedFile(path: path)
        return try withExtendedLifetime(mapping) { () throws(CheckpointError) in
            try format(of: mapping.bytes.buffer, file: path)
        }
    }

    static func format(of bytes: UnsafeRawBufferPointer, file: String) throws(CheckpointError) -> Format {
        guard bytes.count > 0 else {
            throw .malformed(file: file, key: "format", expected: "a checkpoint", found: "an empty file")
        }
        if bytes.starts(with: GGUF.magic) { return .gguf }
        if bytes.starts(with: [0x50, 0x4B, 0x03, 0x04]) { return isTorchScript(bytes) ? .torchScript : .pytorchZip }
        // PROTO 2, 3 or 4 of a pickle: PyTorch before 1.6.
        if bytes[0] == 0x80, bytes.count > 1, (2...5).contains(bytes[1]) { return .pytorchPickle }
        // The header follows its length; whether that length is true is for the reader to say.
        if bytes.count > 8, bytes[8] == UInt8(ascii: "{") { return .safetensors }
        // ModelProto begins with ir_version, a small number.
        if bytes.count > 1, bytes[0] == 0x08, (1...64).contains(bytes[1]) { return .onnx }
        let shown = bytes.prefix(8).map { String($0, radix: 16) }.joined(separator: " ")
        throw .unsupported(
            file: file, key: "format", expected: formats, found: "a file that begins with \(shown)")
    }

    /// TorchScript archives have code beside the pickle; the names are in the central directory at the end.
    private static func isTorchScript(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let end = bytes.suffix(1 << 16)
        let name = Array("constants.pkl".utf8)
        var at = end.startIndex
        while let hit = end[at...].firstIndex(of: name[0]) {
            if end[hit...].starts(with: name) { return true }
            at = hit + 1
        }
        return false
    }
}
