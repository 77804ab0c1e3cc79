/// How a conversation of several turns is written for LLaMA-Adapter V2 dialog.
///
/// Source: OpenGVLab/LLaMA-Adapter, llama_adapter_v2_chat65b, whose templates are of lm-sys/FastChat. The separators
/// are plain text: none becomes a special token, so a message that has one in it can pass for a turn.
public struct DialogTemplate: Sendable, Equatable {
    /// What a conversation begins with.
    public var system: String
    /// Turns that come before the conversation's own.
    public var examples: [ChatMessage]
    /// What the two are called.
    public var user: String
    public var assistant: String
    /// Behind the system's and the user's words.
    public var separator: String
    /// Behind an answer: a model that writes it has ended its turn.
    public var stop: String

    /// The conversation up to where the next answer begins. A system message at its beginning stands in place of the
    /// template's own words and examples.
    public func render(_ messages: [ChatMessage]) -> String {
        let own = messages.first.flatMap { $0.role == .system ? $0.content : nil }
        var text = (own ?? system) + separator
        for message in (own == nil ? examples : []) + messages {
            switch message.role {
            case .system: break
            case .user: text += "\(user): \(message.content)\(separator)"
            case .assistant: text += "\(assistant): \(message.content)\(stop)"
            }
        }
        return text + assistant + ":"
    }

    /// An answer as it goes back into the conversation: what was written before `stop`, without white space at the ends.
    public func answer(in written: String) -> String {
        let scalars = written.unicodeScalars
        let end = scalars.firstRange(of: stop.unicodeScalars)?.lowerBound ?? scalars.endIndex
        let start = scalars[..<end].drop(while: Self.isSpace)
        let last = start.lastIndex { !Self.isSpace($0) }
        return last.map { String(start[...$0]) } ?? ""
    }

    /// White space as Python strips it, which counts the four separators of ASCII.
    private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isWhitespace || (0x1C...0x1F).contains(scalar.value)
    }
}

extension DialogTemplate {
    /// `v1`, which is used where none is named: with a whole exchange as an example.
    public static let v1 = DialogTemplate(
        system: "A chat between a curious human and an artificial intelligence assistant. "
            + "The assistant gives helpful, detailed, and polite answers to the human's questions.",
        examples: [ChatMessage(.user, question), ChatMessage(.assistant, answer)], user: "Human",
        assistant: "Assistant", separator: "###", stop: "###")

    /// `bair_v1`, the Koala model's.
    public static let bairV1 = DialogTemplate(
        system: "BEGINNING OF CONVERSATION:", examples: [], user: "USER", assistant: "GPT", separator: " ",
        stop: "</s>")

    // FastChat's example, Apache-2.0.
    private static let question = "What are the key differences between renewable and non-renewable energy sources?"
    private static let answer = """
        Renewable energy sources are those that can be replenished naturally in a relatively short amount of time, \
        such as solar, wind, hydro, geothermal, and biomass. Non-renewable energy sources, on the other hand, are \
        finite and will eventually be depleted, such as coal, oil, and natural gas. Here are some key differences \
        between renewable and non-renewable energy sources:
        1. Availability: Renewable energy sources are virtually inexhaustible, while non-renewable energy sources \
        are finite and will eventually run out.
        2. Environmental impact: Renewable energy sources have a much lower environmental impact than \
        non-renewable sources, which can lead to air and water pollution, greenhouse gas emissions, and other \
        negative effects.
        3. Cost: Renewable energy sources can be more expensive to initially set up, but they typically have lower \
        operational costs than non-renewable sources.
        4. Reliability: Renewable energy sources are often more reliable and can be used in more remote locations \
        than non-renewable sources.
        5. Flexibility: Renewable energy sources are often more flexible and can be adapted to different \
        situations and needs, while non-renewable sources are more rigid and inflexible.
        6. Sustainability: Renewable energy sources are more sustainable over the long term, while non-renewable \
        sources are not, and their depletion can lead to economic and social instability.

        """
}
