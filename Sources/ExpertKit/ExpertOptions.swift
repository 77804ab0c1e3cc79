import Wire

/// The options of a pipeline file, checked against the description, with its defaults behind them.
public struct ExpertOptions: Sendable {
    private let given: [String: WireValue]
    private let declared: [String: ExpertDescription.Option]

    /// - Throws: ``ExpertFailure`` BAD_OPTION naming every fault: an unknown name, another type, out of range, not one of the choices.
    public init(_ given: [String: WireValue], for description: ExpertDescription) throws(ExpertFailure) {
        declared = Dictionary(description.options.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        self.given = given.filter { $0.value != .null }
        var faults: [String] = []
        for (name, value) in self.given.sorted(by: { $0.key < $1.key }) {
            guard let option = declared[name] else {
                let known = declared.keys.sorted().joined(separator: ", ")
                faults.append(
                    "option \"\(name)\": \(description.service) has none of this name; it has \(known.isEmpty ? "no options" : known)"
                )
                continue
            }
            if let fault = option.fault(in: value) { faults.append("option \"\(name)\": \(fault)") }
        }
        if !faults.isEmpty { throw .badOption(faults.joined(separator: "; ")) }
    }

    /// What is set, by the pipeline file or as a default; nil if neither.
    public subscript(_ name: String) -> WireValue? { given[name] ?? declared[name]?.fallback }

    /// Whether the pipeline file itself sets it.
    public func isGiven(_ name: String) -> Bool { given[name] != nil }

    // The getters throw BAD_OPTION if neither the pipeline file nor the description gives a value.

    public func string(_ name: String) throws(ExpertFailure) -> String {
        guard case .string(let text) = try value(name) else { throw mistyped(name, "string") }
        return text
    }

    public func int(_ name: String) throws(ExpertFailure) -> Int {
        guard case .number(let number) = try value(name), let whole = Int(exactly: number) else { throw mistyped(name, "int") }
        return whole
    }

    public func double(_ name: String) throws(ExpertFailure) -> Double {
        guard case .number(let number) = try value(name) else { throw mistyped(name, "double") }
        return number
    }

    public func bool(_ name: String) throws(ExpertFailure) -> Bool {
        guard case .bool(let flag) = try value(name) else { throw mistyped(name, "bool") }
        return flag
    }

    public func strings(_ name: String) throws(ExpertFailure) -> [String] {
        guard case .list(let values) = try value(name) else { throw mistyped(name, "strings") }
        return values.compactMap { if case .string(let text) = $0 { text } else { nil } }
    }

    public func map(_ name: String) throws(ExpertFailure) -> [String: Int] {
        guard case .map(let values) = try value(name) else { throw mistyped(name, "map") }
        return values.compactMapValues { if case .number(let number) = $0 { Int(exactly: number) } else { nil } }
    }

    private func value(_ name: String) throws(ExpertFailure) -> WireValue {
        if let value = self[name] { return value }
        if declared[name] == nil {
            throw .internalFault("the expert asks for option \"\(name)\", which its description does not have")
        }
        throw .badOption("option \"\(name)\": expected a value, found none and no default")
    }

    private func mistyped(_ name: String, _ getter: String) -> ExpertFailure {
        .internalFault("the expert reads option \"\(name)\" with \(getter)(), its description declares another type")
    }
}

extension ExpertDescription.Option {
    /// Why `value` cannot be this option's value.
    func fault(in value: WireValue) -> String? {
        switch (type, value) {
        case (.string, .string(let text)):
            return fault(choice: text)
        case (.number, .number(let number)):
            return fault(number: number, whole: false)
        case (.integer, .number(let number)):
            return fault(number: number, whole: true)
        case (.bool, .bool):
            return nil
        case (.stringList, .list(let values)):
            for item in values {
                guard case .string(let text) = item else { return "expected a list of strings, found \(item.kind) in it" }
                if let fault = fault(choice: text) { return fault }
            }
            return nil
        case (.integerMap, .map(let values)):
            for (key, item) in values.sorted(by: { $0.key < $1.key }) {
                guard case .number(let number) = item else { return "\(key): expected an integer, found \(item.kind)" }
                if let fault = fault(number: number, whole: true) { return "\(key): \(fault)" }
            }
            return nil
        default:
            return "expected \(typeName), found \(value.kind): \(value)"
        }
    }

    var typeName: String {
        switch type {
        case .string: "a string"
        case .number: "a number"
        case .integer: "an integer"
        case .bool: "true or false"
        case .stringList: "a list of strings"
        case .integerMap: "a map of integers"
        case .unspecified, .UNRECOGNIZED: "nothing"
        }
    }

    private func fault(choice text: String) -> String? {
        choices.isEmpty || choices.contains(text) ? nil : "expected one of \(choices.joined(separator: ", ")), found \(text)"
    }

    private func fault(number: Double, whole: Bool) -> String? {
        let shown = WireValue.number(number)
        // Beyond 2⁵³ a double no longer holds every integer.
        if whole, number != number.rounded() || abs(number) > 0x1p53 { return "expected an integer, found \(shown)" }
        if !number.isFinite { return "expected a finite number, found \(shown)" }
        guard let range, !range.contains(number) else { return nil }
        if !range.upperBound.isFinite { return "expected at least \(WireValue.number(range.lowerBound)), found \(shown)" }
        if !range.lowerBound.isFinite { return "expected at most \(WireValue.number(range.upperBound)), found \(shown)" }
        return "expected \(WireValue.number(range.lowerBound)) to \(WireValue.number(range.upperBound)), found \(shown)"
    }
}
