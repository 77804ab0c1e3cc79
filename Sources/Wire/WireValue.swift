import SwiftProtobuf

/// A value of a pipeline file on its way to a worker (`google.protobuf.Struct` in Welcome).
public enum WireValue: Hashable, Sendable, CustomStringConvertible {
    case string(String)
    case number(Double)
    case bool(Bool)
    case list([WireValue])
    case map([String: WireValue])
    case null

    /// As a person would write it in YAML.
    public var description: String {
        switch self {
        case .string(let text): text
        case .number(let number): WireValue.text(number)
        case .bool(let flag): flag ? "true" : "false"
        case .list(let values): "[" + values.map(\.description).joined(separator: ", ") + "]"
        case .map(let values):
            "{" + values.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", ") + "}"
        case .null: "null"
        }
    }

    /// What kind of value it is, for messages: "a string".
    public var kind: String {
        switch self {
        case .string: "a string"
        case .number: "a number"
        case .bool: "true or false"
        case .list: "a list"
        case .map: "a map"
        case .null: "nothing"
        }
    }

    /// Without ".0" where the number is whole.
    static func text(_ number: Double) -> String {
        Int64(exactly: number).map(String.init) ?? "\(number)"
    }

    init(_ value: Google_Protobuf_Value) {
        switch value.kind {
        case .stringValue(let text): self = .string(text)
        case .numberValue(let number): self = .number(number)
        case .boolValue(let flag): self = .bool(flag)
        case .listValue(let list): self = .list(list.values.map(WireValue.init))
        case .structValue(let fields): self = .map(fields.fields.mapValues(WireValue.init))
        case .nullValue, .none: self = .null
        }
    }

    var wire: Google_Protobuf_Value {
        switch self {
        case .string(let text): Google_Protobuf_Value(stringValue: text)
        case .number(let number): Google_Protobuf_Value(numberValue: number)
        case .bool(let flag): Google_Protobuf_Value(boolValue: flag)
        case .list(let values): Google_Protobuf_Value(listValue: .with { $0.values = values.map(\.wire) })
        case .map(let values): Google_Protobuf_Value(structValue: .with { $0.fields = values.mapValues(\.wire) })
        case .null: .with { $0.nullValue = .nullValue }
        }
    }
}

extension Lorgnette_V1_Welcome {
    /// `options` without protobuf's own types.
    public var optionValues: [String: WireValue] {
        get { options.fields.mapValues(WireValue.init) }
        set { options = .with { $0.fields = newValue.mapValues(\.wire) } }
    }
}
