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
    /// Keys that may be there and are not needed; those of a layer without its beginning.
    let ignored: [String]
    var ignoredInLayers: [String] = []
    /// True where element i of a head turns with element i + d/2, false where neighbours turn together, as here.
    var turnsHalves = false
    /// Whether the output is the embedding, whatever else the file has; nil where the file decides by having one.
    var isTied: Bool?

    static let gguf = LlamaKeys(
        embedding: "token_embd.weight", norm: "output_norm.weight", output: "output.weight", layer: "blk",
        attentionNorm: "attn_norm", wq: "attn_q", wk: "attn_k", wv: "attn_v", wo: "attn_output", ffnNorm: "ffn_norm",
        w1: "ffn_gate", w2: "ffn_down", w3: "ffn_up", ignored: ["rope_freqs.weight"])

    /// Of facebookresearch/llama. The frequencies follow from the configuration.
    static let official = LlamaKeys(
        embedding: "tok_embeddings.weight", norm: "norm.weight", output: "output.weight", layer: "layers",
        attentionNorm: "attention_norm", wq: "attention.wq", wk: "attention.wk", wv: "attention.wv",
        wo: "attention.wo", ffnNorm: "ffn_norm", w1: "feed_forward.w1", w2: "feed_forward.w2", w3: "feed_forward.w3",
        ignored: ["rope.freqs"])

    /// Of Hugging Face's `LlamaForCausalLM`. The configuration says whether the output is the embedding.
    static func huggingFace(_ config: ConfigurationFile) throws(ModelError) -> LlamaKeys {
        let isTied = try config.flag("tie_word_embeddings", fallback: false)
        return LlamaKeys(
            embedding: "model.embed_tokens.weight", norm: "model.norm.weight", output: "lm_head.weight",
            layer: "model.layers", attentionNorm: "input_layernorm", wq: "self_attn.q_proj", wk: "self_attn.k_proj",
            wv: "self_attn.v_proj", wo: "self_attn.o_proj", ffnNorm: "post_attention_layernorm", w1: "mlp.gate_proj",
            w2: "mlp.down_proj", w3: "mlp.up_proj", ignored: isTied ? ["lm_head.weight"] : [],
            ignoredInLayers: ["self_attn.rotary_emb.inv_freq"], turnsHalves: true, isTied: isTied)
    }

    /// Which row of a file's wq or wk is row `row` here, for heads of `d` elements.
    func source(ofRow row: Int, headSize d: Int) -> Int {
        guard turnsHalves else { return row }
        let (head, i) = (row / d, row % d)
        return head * d + (i % 2 == 0 ? i / 2 : d / 2 + i / 2)
    }
}
