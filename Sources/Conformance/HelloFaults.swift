import Pipelines
import Wire

/// What is wrong with a Hello; nil where nothing is.
enum HelloFaults {
    static func service(_ hello: Lorgnette_V1_Hello) -> String? {
        isName(hello.service) ? nil : "expected \(nameRule), found \"\(hello.service)\""
    }

    static func ports(_ hello: Lorgnette_V1_Hello) -> String? {
        for (side, ports) in [("input", hello.inputs), ("output", hello.outputs)] {
            for (index, port) in ports.enumerated() {
                if !isName(port.name) { return "\(side) \(index + 1): expected \(nameRule), found \"\(port.name)\"" }
                if ports[..<index].contains(where: { $0.name == port.name }) {
                    return "two \(side)s are named \"\(port.name)\""
                }
                if case .unspecified = port.kind { return "\(side) \"\(port.name)\": expected a kind, found none" }
                if case .UNRECOGNIZED(let number) = port.kind {
                    return "\(side) \"\(port.name)\": expected a kind of the contract, found \(number)"
                }
            }
        }
        for kind in [Lorgnette_V1_Kind.picture, .question] where hello.inputs.count(where: { $0.kind == kind }) > 1 {
            return "a task has one \(kind), found several inputs for it"
        }
        if let reserved = hello.inputs.first(where: { Stage.reservedKeys.contains($0.name) }) {
            return "input \"\(reserved.name)\": every stage has a key of this name for something else"
        }
        if let output = hello.outputs.first(where: { $0.kind != .text && $0.kind != .tensor }) {
            return "output \"\(output.name)\": expected TEXT or TENSOR, found \(output.kind)"
        }
        return hello.outputs.isEmpty ? "expected at least one output, found none" : nil
    }

    static func options(_ hello: Lorgnette_V1_Hello) -> String? {
        for (index, option) in hello.options.enumerated() {
            if !isName(option.name) { return "option \(index + 1): expected \(nameRule), found \"\(option.name)\"" }
            if hello.options[..<index].contains(where: { $0.name == option.name }) {
                return "two options are named \"\(option.name)\""
            }
            if Stage.reservedKeys.contains(option.name) || hello.inputs.contains(where: { $0.name == option.name }) {
                return "option \"\(option.name)\": a stage has a key of this name for something else"
            }
            if let fault = fault(in: option) { return "option \"\(option.name)\": \(fault)" }
        }
        return nil
    }

    private static func fault(in option: Lorgnette_V1_Option) -> String? {
        switch option.type {
        case .unspecified: return "expected a type, found none"
        case .UNRECOGNIZED(let number): return "expected a type of the contract, found \(number)"
        case .number, .integer:
            guard !option.defaultText.isEmpty else { break }
            guard let number = Double(option.defaultText), number.isFinite,
                option.type == .number || number == number.rounded()
            else { return "expected a default that is its type, found \"\(option.defaultText)\"" }
            if option.hasMinimum && number < option.minimum || option.hasMaximum && number > option.maximum {
                return "its default \(option.defaultText) is out of its own range"
            }
        case .bool:
            if !["", "true", "false"].contains(option.defaultText) {
                return "expected a default of true or false, found \"\(option.defaultText)\""
            }
        case .string:
            if !option.defaultText.isEmpty, !option.choices.isEmpty, !option.choices.contains(option.defaultText) {
                return "its default \"\(option.defaultText)\" is none of its choices"
            }
        case .stringList, .integerMap: break
        }
        if option.hasMinimum && option.minimum.isNaN || option.hasMaximum && option.maximum.isNaN
            || option.hasMinimum && option.hasMaximum && option.minimum > option.maximum
        {
            return "expected a range, found \(option.minimum) to \(option.maximum)"
        }
        return nil
    }

    private static let nameRule = "one word of a-z, 0-9, - and _ that begins with a letter, at most 64 characters"

    private static func isName(_ text: String) -> Bool {
        guard let first = text.utf8.first, (97...122).contains(first), text.utf8.count <= 64 else { return false }
        return text.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 45 || $0 == 95 }
    }
}
