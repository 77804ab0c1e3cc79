import Foundation
import Pipelines
import SwiftProtobuf
import Wire

/// Between the wire's messages and the values of Pipelines. Nothing here trusts a message.
public enum Envelope {
    /// What a worker says of itself; ports and options of a kind that is not known are left out.
    public static func description(_ hello: Lorgnette_V1_Hello) -> ExpertDescription {
        ExpertDescription(
            service: hello.service, about: hello.about, software: hello.software,
            inputs: hello.inputs.compactMap(port), outputs: hello.outputs.compactMap(port),
            options: hello.options.compactMap(option), concurrency: max(1, Int(hello.concurrency)))
    }

    private static func port(_ port: Lorgnette_V1_Port) -> Pipelines.Port? {
        let kind: Kind
        switch port.kind {
        case .picture: kind = .picture
        case .question: kind = .question
        case .tensor: kind = .tensor
        case .text: kind = .text
        case .unspecified, .UNRECOGNIZED: return nil
        }
        return Pipelines.Port(name: port.name, kind: kind, required: port.required)
    }

    private static func option(_ option: Lorgnette_V1_Option) -> ExpertDescription.Option? {
        let kind: ExpertDescription.Option.Kind
        switch option.type {
        case .string: kind = .string
        case .number: kind = .number
        case .integer: kind = .integer
        case .bool: kind = .bool
        case .stringList: kind = .stringList
        case .integerMap: kind = .integerMap
        case .unspecified, .UNRECOGNIZED: return nil
        }
        return ExpertDescription.Option(
            name: option.name, type: kind, about: option.about, defaultText: option.defaultText,
            minimum: option.hasMinimum ? option.minimum : nil, maximum: option.hasMaximum ? option.maximum : nil,
            choices: option.choices)
    }

    /// Options as Welcome has them.
    public static func options(_ options: [String: Pipelines.OptionValue]) -> Google_Protobuf_Struct {
        Google_Protobuf_Struct(fields: options.mapValues(value))
    }

    private static func value(_ value: Pipelines.OptionValue) -> Google_Protobuf_Value {
        switch value {
        case .string(let text): Google_Protobuf_Value(stringValue: text)
        case .number(let number): Google_Protobuf_Value(numberValue: number)
        case .bool(let bool): Google_Protobuf_Value(boolValue: bool)
        case .list(let values): Google_Protobuf_Value(listValue: .init(values: values.map(Self.value)))
        case .map(let map): Google_Protobuf_Value(structValue: .init(fields: map.mapValues(Self.value)))
        }
    }

    /// The words of an outcome, without its tensors.
    public static func outcome(_ outcome: Lorgnette_V1_Outcome, models: [String]) -> StageOutcome {
        StageOutcome(
            text: outcome.hasText ? outcome.text : nil,
            confidence: outcome.hasConfidence ? outcome.confidence : nil,
            lines: outcome.lines.map { line in
                TextLine(
                    text: line.text, box: line.box.map(Int.init), confidence: line.confidence,
                    words: line.words.isEmpty
                        ? nil
                        : line.words.map {
                            TextWord(text: $0.text, box: $0.box.map(Int.init), confidence: $0.confidence)
                        })
            },
            generation: outcome.hasGeneration ? generation(outcome.generation) : nil,
            facts: outcome.facts,
            picture: outcome.hasPicture ? picture(outcome.picture) : nil,
            hasTensors: !outcome.tensors.isEmpty, models: models)
    }

    private static func generation(_ generation: Lorgnette_V1_Generation) -> Generation {
        Generation(
            tokens: Int(generation.tokens), finish: generation.finish,
            cut: generation.cut.map { Cut(stage: $0.stage, lines: Int($0.lines), tokens: Int($0.tokens)) },
            seed: generation.seed, promptTokens: Int(generation.promptTokens), used: generation.used)
    }

    private static func picture(_ facts: Lorgnette_V1_PictureFacts) -> PictureFacts {
        PictureFacts(
            format: facts.format, width: Int(facts.width), height: Int(facts.height),
            orientation: Int(facts.orientation), pages: Int(facts.pages))
    }

    /// Why an outcome cannot be believed; nil if its tensors and payloads agree.
    static func complaint(_ outcome: Lorgnette_V1_Outcome, payloads: [Payload]) -> String? {
        for tensor in outcome.tensors {
            let width: Int
            switch tensor.dtype {
            case "f32": width = 4
            case "f16": width = 2
            default: return "tensor \(tensor.name): expected dtype f32 or f16, found \(tensor.dtype)"
            }
            guard tensor.frame < payloads.count else {
                return "tensor \(tensor.name): names payload frame \(tensor.frame) of \(payloads.count)"
            }
            var expected = width
            for size in tensor.shape {
                let (product, overflow) = expected.multipliedReportingOverflow(by: Int(size))
                guard !overflow else { return "tensor \(tensor.name): shape \(tensor.shape) is too large" }
                expected = product
            }
            let found = payloads[Int(tensor.frame)].count
            guard found == expected else {
                return "tensor \(tensor.name): shape \(tensor.shape) of \(tensor.dtype) needs \(expected) bytes, found \(found)"
            }
        }
        for line in outcome.lines where !line.box.isEmpty && line.box.count != 4 {
            return "line \"\(line.text.prefix(40))\": expected a box of 4 numbers, found \(line.box.count)"
        }
        return nil
    }

    /// A failure code as result lines show it: `BAD_PICTURE` is `bad_picture`.
    public static func code(_ code: Lorgnette_V1_FailureCode) -> String {
        switch code {
        case .unspecified, .UNRECOGNIZED: "unspecified"
        case .badPicture: "bad_picture"
        case .unsupportedPicture: "unsupported_picture"
        case .pictureTooLarge: "picture_too_large"
        case .badInput: "bad_input"
        case .badOption: "bad_option"
        case .missingModel: "missing_model"
        case .wrongModel: "wrong_model"
        case .outOfMemory: "out_of_memory"
        case .cancelled: "cancelled"
        case .draining: "draining"
        case .internal: "internal"
        case .protocol: "protocol"
        case .changed: "changed"
        }
    }
}
