import Checkpoints
import Tensors

// The layout of Hugging Face (`LlamaForCausalLM`, transformers/models/llama/modeling_llama.py). Rotary positions turn
// element i of a head with element i + d/2; the rows of wq and wk are put in the order in which those are neighbours.

extension LlamaConfiguration {
    /// What `config.json` says, with transformers' defaults for what it does not. What would change the computation and
    /// is not known here is an error that names it.
    init(huggingFace config: ConfigurationFile, _ checkpoint: any Checkpoint) throws(ModelError) {
        _ = try config.word("model_type", of: ["llama"])
        _ = try config.word("hidden_act", of: ["silu", "swish"], fallback: "silu")
        for key in ["attention_bias", "mlp_bias", "rope_interleaved"] {
            try config.refuse(key, unless: !config.flag(key, fallback: false), "false (not supported)")
        }
        let partial = config["partial_rotary_factor"]
        try config.refuse("partial_rotary_factor", unless: partial.map { $0.double == 1 } ?? true, "1 (not supported)")
        width = try config.count("hidden_size", most: 1 << 16)
        layers = try config.count("num_hidden_layers", most: 1024)
        heads = try config.count("num_attention_heads", most: 1024)
        kvHeads = try config.count("num_key_value_heads", most: heads, fallback: heads)
        guard heads % kvHeads == 0 else {
            throw config.fault("num_key_value_heads", "a divisor of \(heads)", "\(kvHeads)")
        }
        headSize = try config.count("head_dim", most: 1024, fallback: max(1, width / heads))
        guard headSize % 2 == 0 else { throw config.fault("head_dim", "an even number", "\(headSize)") }
        ropeSize = headSize
        hidden = try config.count("intermediate_size", most: 1 << 20)
        context = try config.count("max_position_embeddings", most: 1 << 24, fallback: 2048)
        normEps = try config.number("rms_norm_eps", fallback: 1e-6)
        // Newer files have theta and scaling in one object.
        let parameters = config.inside("rope_parameters")
        ropeTheta =
            parameters["rope_theta"] == nil
            ? try config.number("rope_theta", fallback: 10000) : try parameters.number("rope_theta")
        let scaling = try RopeScaling(
            huggingFace: config, config["rope_parameters"] == nil ? "rope_scaling" : "rope_parameters")
        ropeFactors = scaling?.factors(theta: Double(ropeTheta), size: ropeSize) ?? []
        vocabulary = try config.count("vocab_size", most: 1 << 24)
    }
}
