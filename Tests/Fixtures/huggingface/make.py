#!/usr/bin/env python3
"""Makes small models in Hugging Face's layout, and what Hugging Face's own code computes with them.

    python3 Tests/Fixtures/huggingface/make.py

writes beside itself:
  llama/   LlamaForCausalLM in two shards: grouped queries, heads wider than width / heads, an output of its own, positions
           stretched as Llama 3.1's, the tokenizer of ../tokenizer
  clip/    a whole CLIPModel (both towers): GELU, 5 x 5 patches of 8 pixels
  expected.safetensors   what they compute, float32:
    llama.tokens [90], llama.logits (of the last 12), llama.hidden.N [90, width] (after layer N, the last not normed),
    llama.greedy
    rope.KIND [16]       frequencies of a head of 32 with theta 10000 for each kind of scaling that is read
    clip.hidden.N        after block N; clip.features [26, 20], every token through the last norm and the projection
The pixels are sin(0.07 i), i = 0 ... 3*40*40 - 1. Needs torch, transformers 5 and safetensors.
"""
import json
import os
import shutil

import torch
from safetensors.torch import save_file
from transformers import CLIPConfig, CLIPModel, LlamaConfig, LlamaForCausalLM
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

HERE = os.path.dirname(os.path.abspath(__file__))
torch.manual_seed(11)
expected = {}


def place(name):
    path = os.path.join(HERE, name)
    shutil.rmtree(path, ignore_errors=True)
    return path


def scramble(model):
    """Weights that are as large as in a trained model, all of them exact halves."""
    with torch.no_grad():
        for name, w in model.named_parameters():
            if w.dim() > 1:
                w.normal_(0, w[0].numel() ** -0.5)
            else:
                w.copy_((1 if "norm" in name and "weight" in name else 0) + 0.1 * torch.randn_like(w))
            w.copy_(w.half().float())


SCALINGS = {
    "linear": {"rope_type": "linear", "factor": 2.5, "rope_theta": 10000.0},
    "llama3": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
               "original_max_position_embeddings": 64, "rope_theta": 10000.0},
}


def sizes(**more):
    return LlamaConfig(hidden_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, head_dim=32,
                       intermediate_size=96, max_position_embeddings=512, rms_norm_eps=1e-5, hidden_act="silu", **more)


def llama():
    source = os.path.join(HERE, "..", "tokenizer", "tokenizer.json")
    words = json.load(open(source))
    count = max([*words["model"]["vocab"].values(), *(t["id"] for t in words["added_tokens"])]) + 1
    config = sizes(vocab_size=count, tie_word_embeddings=False, rope_parameters=SCALINGS["llama3"], eos_token_id=[2, 0],
                   bos_token_id=1, pad_token_id=None)
    model = LlamaForCausalLM(config).eval()
    scramble(model)
    tokens = torch.randint(0, count, (1, 90))
    with torch.no_grad():
        out = model(tokens, output_hidden_states=True)
        last = []
        hook = model.model.norm.register_forward_pre_hook(lambda module, inputs: last.append(inputs[0]))
        model(tokens)
        hook.remove()
        greedy, ids = [], tokens
        for _ in range(16):
            ids = torch.cat([ids, model(ids).logits[:, -1:].argmax(-1)], 1)
            greedy.append(int(ids[0, -1]))
    expected["llama.tokens"] = tokens[0].int()
    expected["llama.logits"] = out.logits[0, -12:]
    for i, states in enumerate(out.hidden_states[:-1] + (last[0],)):
        expected[f"llama.hidden.{i}"] = states[0]
    expected["llama.greedy"] = torch.tensor(greedy, dtype=torch.int32)
    path = place("llama")
    model.half().save_pretrained(path, max_shard_size="110KB")
    shutil.copy(source, path)
    for kind, scaling in SCALINGS.items():
        frequencies, factor = ROPE_INIT_FUNCTIONS[kind](sizes(rope_parameters=scaling), "cpu")
        assert factor == 1
        expected["rope." + kind] = frequencies.float()


def clip():
    tower = dict(num_hidden_layers=2, num_attention_heads=3, intermediate_size=80, hidden_act="gelu", projection_dim=20)
    config = CLIPConfig(
        projection_dim=20,
        vision_config=dict(hidden_size=48, image_size=40, patch_size=8, **tower),
        text_config=dict(hidden_size=24, vocab_size=16, max_position_embeddings=8, **{**tower, "num_hidden_layers": 1}))
    model = CLIPModel(config).eval()
    scramble(model)
    pixels = torch.sin(0.07 * torch.arange(3 * 40 * 40, dtype=torch.float64)).float().reshape(1, 3, 40, 40)
    tower = model.vision_model
    with torch.no_grad():
        out = tower(pixels, output_hidden_states=True)
        for i, states in enumerate(out.hidden_states):
            expected[f"clip.hidden.{i}"] = states[0]
        expected["clip.features"] = model.visual_projection(tower.post_layernorm(out.last_hidden_state))[0]
    model.half().save_pretrained(place("clip"))


llama()
clip()
save_file({name: value.contiguous() for name, value in expected.items()}, os.path.join(HERE, "expected.safetensors"))
