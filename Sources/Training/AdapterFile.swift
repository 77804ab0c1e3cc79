import Checkpoints
import Tensors

/// Writes a trained adapter: safetensors with the official keys, linear weights, prompts and LoRA as float16, and what
/// one must know to use it as metadata.
public enum AdapterFile {
    /// - Parameter facts: what the run knows: `role`, `base_sha256`, `vision_sha256`, `prompt`, `data`, `licence`, …
    public static func write(
        _ network: AdapterNetwork, facts: [String: String], to path: String
    ) throws(CheckpointError) {
        var metadata = network.plan.facts
        metadata.merge(facts) { $1 }
        metadata["format"] = "lorgnette.adapter/1"
        var file = SafetensorsWriter(metadata: metadata)
        for parameter in network.parameters {
            let isWide = parameter.value.shape.count == 2
            if isWide {
                file.add(parameter.name, halves: parameter.value)
            } else {
                file.add(parameter.name, parameter.value)
            }
        }
        try file.write(to: path)
    }
}

extension AdapterPlan {
    /// What cannot be read off the tensors' shapes, and what a reader likes to see.
    var facts: [String: String] {
        var facts = [
            "wiring": wiring.rawValue, "layer_norm_eps": "1e-5", "query_layer": "\(promptLayers)",
            "early_layers": "\(earlyLayers)", "tuned_layers": "\(tunedLayers)", "prompt_len": "\(prompts)",
        ]
        if let visual {
            facts["v_num_heads"] = "\(visual.heads)"
            facts["query_len"] = "\(visual.queries)"
        }
        if let scale { facts["scale"] = scale.rawValue }
        if rank > 0 { facts["lora_rank"] = "\(rank)" }
        return facts
    }
}
