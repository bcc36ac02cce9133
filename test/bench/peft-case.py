"""The peer's numbers: Qwen2 with LoRA in transformers and PEFT, on random weights of a real shape.

Prints one JSON object: milliseconds per step (median, and each), tokens per second, peak memory in MiB.
Needs torch, transformers and peft; `trainer-case.ts` beside this file runs the same cases in this package.

  python peft-case.py --shape 0.5b --batch 2 --tokens 256 --dtype bfloat16 --threads 2 --steps 5
"""

import argparse
import json
import re
import statistics
import time

import torch
from peft import LoraConfig, get_peft_model
from transformers import Qwen2Config, Qwen2ForCausalLM

SHAPES = {
    "tiny": dict(hidden_size=64, intermediate_size=160, num_hidden_layers=2, num_attention_heads=4,
                 num_key_value_heads=2, vocab_size=512),
    "0.5b": dict(hidden_size=896, intermediate_size=4864, num_hidden_layers=24, num_attention_heads=14,
                 num_key_value_heads=2, vocab_size=151936),
    "1.5b": dict(hidden_size=1536, intermediate_size=8960, num_hidden_layers=28, num_attention_heads=12,
                 num_key_value_heads=2, vocab_size=151936),
}
LINEARS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--shape", choices=SHAPES, required=True)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--tokens", type=int, default=256)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--checkpointing", action="store_true")
    parser.add_argument("--evaluate", action="store_true", help="forward passes only")
    return parser.parse_args()


def build(options):
    torch.manual_seed(0)
    dtype = getattr(torch, options.dtype)
    config = Qwen2Config(**SHAPES[options.shape], tie_word_embeddings=True, rope_theta=1e6, rms_norm_eps=1e-6,
                         max_position_embeddings=32768, attn_implementation="sdpa")
    torch.set_default_dtype(dtype)  # built in the dtype it is used in: no float32 copy in the peak
    model = Qwen2ForCausalLM(config)
    torch.set_default_dtype(torch.float32)
    lora = LoraConfig(r=16, lora_alpha=32, lora_dropout=0.1, target_modules=LINEARS, task_type="CAUSAL_LM")
    model = get_peft_model(model, lora)
    if options.checkpointing:
        model.enable_input_require_grads()
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    return model, config


def peak_mib():
    with open("/proc/self/status") as file:
        return round(int(re.search(r"VmHWM:\s+(\d+)", file.read())[1]) / 1024)


def main():
    options = arguments()
    torch.set_num_threads(options.threads)
    model, config = build(options)
    model.to(options.device)
    ids = torch.randint(0, config.vocab_size, (options.batch, options.tokens)).to(options.device)
    labels = ids.clone()
    labels[:, : options.tokens // 2] = -100  # the first half is the question
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=2e-4, weight_decay=0.0)
    model.train(not options.evaluate)

    def step():
        if options.evaluate:
            with torch.no_grad():
                return model(input_ids=ids, labels=labels).loss.item()
        loss = model(input_ids=ids, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()

    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the peak of loading does not count
    step()  # the first one allocates and chooses kernels
    times_ms = []
    for _ in range(options.steps):
        start = time.perf_counter()
        loss = step()
        times_ms.append(1000 * (time.perf_counter() - start))
    median_ms = statistics.median(times_ms)
    print(json.dumps({
        "msPerStep": round(median_ms, 2),
        "tokensPerSecond": round(1000 * options.batch * options.tokens / median_ms, 1),
        "peakMiB": peak_mib(),
        "timesMs": [round(ms, 2) for ms in times_ms],
        "loss": loss,
        "torch": torch.__version__,
    }))


if __name__ == "__main__":
    main()
