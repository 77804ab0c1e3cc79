/// A value as a pipeline file, a protobuf `Struct` or JSON can say it. Coded as plain JSON.
public enum OptionValue: Sendable, Hashable {
    case string(String)
    case number(Double)
    case bool(Bool)
    case list([OptionValue])
    case map([String: OptionValue])

    /// The value as JSON on one line, keys sorted: equal values give equal text, so it can be part of a cache key.
    public var json: String {
        var writer = JSONWriter()
        writer.value(self)
        return writer.text
    }
}

extension OptionValue: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([OptionValue].self) {
            self = .list(value)
        } else {
            self = .map(try container.decode([String: OptionValue].self))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .string(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .bool(let value): try container.encode(value)
        case .list(let value): try container.encode(value)
        case .map(let value): try container.encode(value)
        }
    }
}
