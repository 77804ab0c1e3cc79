/// An instruction as Stanford Alpaca writes it (tatsu-lab/stanford_alpaca); LLaMA-Adapter V1 and V2 multimodal were
/// trained on nothing else. Nothing follows the last colon: the answer's own tokens begin with the line.
public enum AlpacaPrompt {
    /// The text up to where the answer begins. An `input` is what the instruction is about.
    public static func text(instruction: String, input: String? = nil) -> String {
        guard let input else {
            return "Below is an instruction that describes a task. "
                + "Write a response that appropriately completes the request.\n\n"
                + "### Instruction:\n\(instruction)\n\n### Response:"
        }
        return "Below is an instruction that describes a task, paired with an input that provides further context. "
            + "Write a response that appropriately completes the request.\n\n"
            + "### Instruction:\n\(instruction)\n\n### Input:\n\(input)\n\n### Response:"
    }
}
