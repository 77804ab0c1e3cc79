import Wire

/// What an expert found. Only what is set is sent; an empty `text` says "looked, found none".
public struct ExpertAnswer: Sendable {
    public var text: String?
    /// 0…1.
    public var confidence: Float?
    /// In reading order, boxes in pixels of the upright picture.
    public var lines: [Lorgnette_V1_Line] = []
    public var tensors: [Tensor] = []
    public var generation: Lorgnette_V1_Generation?
    /// Anything else that a person should see.
    public var facts: [String: String] = [:]
    /// From an expert that decoded the picture.
    public var picture: Lorgnette_V1_PictureFacts?

    public init(text: String? = nil, confidence: Float? = nil) {
        self.text = text
        self.confidence = confidence
    }

    /// A named tensor, row-major.
    public struct Tensor: Sendable {
        public let name: String
        public let shape: [Int]
        public let element: WireTensor.Element
        public let payload: Payload

        public init(_ name: String, shape: [Int], _ values: [Float]) {
            self.init(name, shape: shape, element: .f32, payload: Payload(floats: values))
        }

        /// From bytes that lie elsewhere, little endian.
        public init(_ name: String, shape: [Int], element: WireTensor.Element, payload: Payload) {
            self.name = name
            self.shape = shape
            self.element = element
            self.payload = payload
        }
    }

    /// The answer as the wire has it.
    /// - Throws: ``ExpertFailure`` INTERNAL for what no reader would take: a tensor whose bytes do not fit its shape, NaN, infinity.
    func packed() throws(ExpertFailure) -> (outcome: Lorgnette_V1_Outcome, payloads: [Payload]) {
        var outcome = Lorgnette_V1_Outcome()
        if let text { outcome.text = text }
        if let confidence {
            guard confidence.isFinite else { throw .internalFault("the answer's confidence is \(confidence)") }
            outcome.confidence = min(max(confidence, 0), 1)
        }
        outcome.lines = lines
        if let generation { outcome.generation = generation }
        outcome.facts = facts
        if let picture { outcome.picture = picture }
        let payloads = tensors.map(\.payload)
        for (index, tensor) in tensors.enumerated() {
            let header = Lorgnette_V1_Tensor.with {
                $0.name = tensor.name
                $0.dtype = tensor.element.rawValue
                $0.shape = tensor.shape.map { UInt32(clamping: $0) }
                $0.frame = UInt32(index)
            }
            do {
                if let bad = try payloads.tensor(header).firstNonFinite() {
                    throw TensorFault(description: "tensor \"\(tensor.name)\": element \(bad) is no finite number")
                }
            } catch {
                throw .internalFault("the answer's \(error)")
            }
            outcome.tensors.append(header)
        }
        return (outcome, payloads)
    }
}
