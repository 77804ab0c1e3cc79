/// What a layout calls the tensors of a LLaMA. Those of layer i are `layer`.i.NAME.weight.
struct LlamaKeys: Sendable {
    let embedding: String
    let norm: String
    let output: String
    let layer: String
    let attentionNorm: String
    let wq: String
    let wk: String
    let wv: String
    let wo: String
    let ffnNorm: String
    let w1: String
    let w2: String
    let w3: String
    /// Keys that may be there and are not needed.
    let ignored: [String]

    static let gguf = LlamaKeys(
        embedding: "token_embd.weight", norm: "output_norm.weight", output: "output.weight", layer: "blk",
        attentionNorm: "attn_norm", wq: "attn_q", wk: "attn_k", wv: "attn_v", wo: "attn_output", ffnNorm: "ffn_norm",
        w1: "ffn_gate", w2: "ffn_down", w3: "ffn_up", ignored: [])

    /// Of facebookresearch/llama. The frequencies follow from the configuration.
    static let official = LlamaKeys(
        embedding: "tok_embeddings.weight", norm: "norm.weight", output: "output.weight", layer: "layers",
        attentionNorm: "attention_norm", wq: "attention.wq", wk: "attention.wk", wv: "attention.wv",
        wo: "attention.wo", ffnNorm: "ffn_norm", w1: "feed_forward.w1", w2: "feed_forward.w2", w3: "feed_forward.w3",
        ignored: ["rope.freqs"])
}
