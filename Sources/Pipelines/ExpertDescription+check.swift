extension ExpertDescription.Option {
    /// The value of this option, or what is wrong with it and where.
    func read(_ written: Written) -> Result<OptionValue, OptionFault> {
        switch type {
        case .string: return string(written).map { .string($0) }
        case .number: return number(written)
        case .integer: return integer(written)
        case .bool:
            guard let value = written.bool else { return fault("true or false", written) }
            return .success(.bool(value))
        case .stringList: return list(written)
        case .integerMap: return map(written)
        }
    }

    private func string(_ written: Written) -> Result<String, OptionFault> {
        guard let text = written.text else { return fault(choices.isEmpty ? "text" : oneOf, written) }
        guard !choices.isEmpty, !choices.contains(text) else { return .success(text) }
        let nearest = NearestName.of(text, among: choices)
        return fault(oneOf, written, hint: nearest.map { "; did you mean \"\($0)\"?" } ?? "")
    }

    private func number(_ written: Written) -> Result<OptionValue, OptionFault> {
        guard let value = written.number, isInRange(value) else { return fault("a number\(range)", written) }
        return .success(.number(value))
    }

    private func integer(_ written: Written) -> Result<OptionValue, OptionFault> {
        guard let value = written.integer, isInRange(Double(value)) else {
            return fault("a whole number\(range)", written)
        }
        return .success(.number(Double(value)))
    }

    private func list(_ written: Written) -> Result<OptionValue, OptionFault> {
        guard case .list(let items) = written.content else { return string(written).map { .list([.string($0)]) } }
        var values: [OptionValue] = []
        for item in items {
            switch string(item) {
            case .success(let text): values.append(.string(text))
            case .failure(let fault): return .failure(fault)
            }
        }
        return .success(.list(values))
    }

    private func map(_ written: Written) -> Result<OptionValue, OptionFault> {
        guard case .map(let pairs) = written.content else { return fault("a map of names to whole numbers", written) }
        var values: [String: OptionValue] = [:]
        for pair in pairs {
            switch integer(pair.value) {
            case .success(let value): values[pair.key] = value
            case .failure(var fault):
                fault.subkey = pair.key
                return .failure(fault)
            }
        }
        return .success(.map(values))
    }

    private var oneOf: String { "one of \(choices.joined(separator: ", "))" }

    private var range: String {
        switch (minimum, maximum) {
        case (let low?, let high?): return " from \(Self.shown(low)) to \(Self.shown(high))"
        case (let low?, nil): return " of at least \(Self.shown(low))"
        case (nil, let high?): return " of at most \(Self.shown(high))"
        case (nil, nil): return ""
        }
    }

    private func isInRange(_ value: Double) -> Bool { value >= minimum ?? -.infinity && value <= maximum ?? .infinity }

    private static func shown(_ bound: Double) -> String { JSONWriter.number(bound, decimals: 6) }

    private func fault<Value>(_ expected: String, _ written: Written, hint: String = "") -> Result<Value, OptionFault> {
        .failure(
            OptionFault(position: written.position, message: "expected \(expected), found \(written.found)\(hint)"))
    }
}

/// What is wrong with an option's value, and where in it.
struct OptionFault: Error {
    var position: Position
    /// The key inside a map.
    var subkey: String?
    var message: String

    init(position: Position, subkey: String? = nil, message: String) {
        self.position = position
        self.subkey = subkey
        self.message = message
    }
}
