"""A llama.cpp server for the model that Stoa ships: converts it to GGUF, and serves that on the loopback interface.

`llama_cpp.py MODEL.gguf PORT` serves until it is killed. llama.cpp comes as
the package `xllamacpp`, its server built in.
"""

import json
import sys
import threading

import numpy
import xllamacpp
from gguf import GGMLQuantizationType, GGUFWriter, LlamaFileType, TokenType
from gguf.quants import quantize

ARCHITECTURE = "llama"
SLOTS, CONTEXT_TOKENS = 4, 256


def tensors(path):
    """Name and half-precision array of every tensor of a safetensors file."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    header.pop("__metadata__", None)
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        assert entry["dtype"] == "F16", f"{name} is {entry['dtype']}"
        yield name, numpy.frombuffer(data[begin:end], numpy.float16).reshape(entry["shape"])


def interleaved(weights, heads):
    """Rows of a query or key projection in llama.cpp's order: the halves that rotate together lie beside each other."""
    rows, columns = weights.shape
    return weights.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def name_there(name):
    """A tensor's name in GGUF."""
    plain = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight"}
    parts = {
        "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
    }
    if name in plain:
        return plain[name]
    _, _, layer, part = name.removesuffix(".weight").split(".", 3)
    return f"blk.{layer}.{parts[part]}.weight"


def write_vocabulary(writer, folder):
    vocabulary = json.loads((folder / "tokenizer.json").read_text())
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    special = {token["content"]: token["id"] for token in vocabulary["added_tokens"]}
    numbers = {**vocabulary["model"]["vocab"], **special}
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(sorted(numbers, key=numbers.get))
    writer.add_token_types([TokenType.CONTROL if token in special else TokenType.NORMAL
                            for token in sorted(numbers, key=numbers.get)])
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge)
                             for merge in vocabulary["model"]["merges"]])
    writer.add_eos_token_id(special[settings["eos_token"]])
    writer.add_add_bos_token(False)
    writer.add_chat_template(settings["chat_template"])


def convert(folder, path, four_bit=False):
    """Writes a Llama of Hugging Face's layout as GGUF, as it is or with its matrices in four bits."""
    config = json.loads((folder / "config.json").read_text())
    heads, groups = config["num_attention_heads"], config["num_key_value_heads"]
    kind = GGMLQuantizationType.Q4_0 if four_bit else GGMLQuantizationType.F32
    writer = GGUFWriter(path, ARCHITECTURE)
    writer.add_file_type(LlamaFileType.MOSTLY_Q4_0 if four_bit else LlamaFileType.ALL_F32)
    writer.add_name(folder.name)
    writer.add_vocab_size(config["vocab_size"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(groups)
    writer.add_rope_dimension_count(config["head_dim"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    write_vocabulary(writer, folder)
    for name, weights in tensors(folder / "model.safetensors"):
        if ".q_proj." in name or ".k_proj." in name:
            weights = interleaved(weights, heads if ".q_proj." in name else groups)
        weights = weights.astype(numpy.float32)
        if weights.ndim > 1:
            writer.add_tensor(name_there(name), quantize(weights, kind), raw_dtype=kind)
        else:
            writer.add_tensor(name_there(name), weights)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def serve(model, port):
    settings = xllamacpp.CommonParams()
    settings.model.path, settings.port = model, port
    settings.n_parallel, settings.n_ctx = SLOTS, SLOTS * CONTEXT_TOKENS
    settings.cpuparams.n_threads = 1
    server = xllamacpp.Server(settings)
    print(f"ready at {server.listening_address}", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
