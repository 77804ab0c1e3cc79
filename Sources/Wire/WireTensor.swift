/// A tensor of a message, checked: its bytes are as many as its shape and type need.
public struct WireTensor: Sendable {
    public enum Element: String, Sendable {
        case f32, f16
        public var bytes: Int { self == .f32 ? 4 : 2 }
    }

    public let name: String
    /// Row-major.
    public let shape: [Int]
    public let element: Element
    /// Little endian, at any alignment.
    public let payload: Payload
    public var count: Int { payload.count / element.bytes }

    /// Widened to float32.
    public func floats() -> [Float] {
        [Float](unsafeUninitializedCapacity: count) { buffer, initialised in
            read(into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
            initialised = count
        }
    }

    /// Writes `count` floats.
    public func read(into target: UnsafeMutableBufferPointer<Float>) {
        precondition(target.count == count, "room for \(target.count) floats, the tensor has \(count)")
        payload.withUnsafeBytes { source in
            switch element {
            case .f32: UnsafeMutableRawBufferPointer(target).copyMemory(from: source)
            case .f16:
                for i in 0..<count {
                    target[i] = Float(Float16(bitPattern: source.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self)))
                }
            }
        }
    }

    /// The index of the first NaN or infinity, nil if there is none.
    public func firstNonFinite() -> Int? {
        payload.withUnsafeBytes { source in
            switch element {
            case .f32:
                for i in 0..<count where source.loadUnaligned(fromByteOffset: 4 * i, as: UInt32.self) & 0x7f80_0000 == 0x7f80_0000
                {
                    return i
                }
            case .f16:
                for i in 0..<count where source.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self) & 0x7c00 == 0x7c00 {
                    return i
                }
            }
            return nil
        }
    }
}

/// What is wrong with a tensor of a message.
public struct TensorFault: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String
    public init(description: String) { self.description = description }
}

extension [Payload] {
    /// The tensor that `header` describes, in a message with these payload frames.
    /// - Throws: ``TensorFault`` for a type that is no "f32" or "f16", an empty or overflowing shape, a frame that is not there,
    ///   or another number of bytes than the shape needs. Its elements are not looked at.
    public func tensor(_ header: Lorgnette_V1_Tensor) throws(TensorFault) -> WireTensor {
        func fault(_ reason: String) -> TensorFault { TensorFault(description: "tensor \"\(header.name)\": \(reason)") }
        guard let element = WireTensor.Element(rawValue: header.dtype) else {
            throw fault("expected dtype f32 or f16, found \"\(header.dtype)\"")
        }
        guard (1...8).contains(header.shape.count), !header.shape.contains(0) else {
            throw fault("expected a shape of 1 to 8 dimensions, none of them 0, found \(header.shape)")
        }
        var bytes = element.bytes
        for dimension in header.shape {
            let (product, overflow) = bytes.multipliedReportingOverflow(by: Int(dimension))
            if overflow { throw fault("shape \(header.shape) is beyond all memory") }
            bytes = product
        }
        guard Int(header.frame) < count else {
            throw fault("expected payload frame \(header.frame), found \(count) payload frames")
        }
        let payload = self[Int(header.frame)]
        guard payload.count == bytes else {
            throw fault(
                "shape \(header.shape) of \(element) needs \(bytes) bytes, payload frame \(header.frame) has \(payload.count)")
        }
        return WireTensor(name: header.name, shape: header.shape.map(Int.init), element: element, payload: payload)
    }
}
