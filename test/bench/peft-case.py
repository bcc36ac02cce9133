"""The peer's numbers: Qwen2 with LoRA in transformers and PEFT, on random weights of a real shape.

Prints one JSON object: milliseconds per step (median, and each), tokens per second, peak memory in MiB.
Needs torch, transformers and peft; `trainer-case.ts` beside this file runs the same cases in this package.

  python peft-case.py --shape 0.5b --batch 2 --tokens 256 --dtype bfloat16 --threads 2 --steps 5
"""

import argparse
import json
import math
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
    parser.add_argument("--real", action="store_true", help="steps of 8 rows of real lengths, padded two by two")
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


def real_lengths(rows):
    sigma, state = 0.8, 1

    def draw():
        nonlocal state
        state = (state * 1664525 + 1013904223) % 2**32
        return (state + 0.5) / 2**32

    lengths = []
    for _ in range(rows):
        normal = math.sqrt(-2 * math.log(draw())) * math.cos(2 * math.pi * draw())
        length = math.exp(math.log(256) - sigma**2 / 2 + sigma * normal)
        lengths.append(min(1024, max(16, int(length))))
    return lengths


def collate(lengths, vocabulary, device):
    ids = torch.zeros(len(lengths), max(lengths), dtype=torch.long)
    labels, mask = torch.full_like(ids, -100), torch.zeros_like(ids)
    for row, length in enumerate(lengths):
        ids[row, :length] = torch.randint(0, vocabulary, (length,))
        labels[row, length // 2 : length] = ids[row, length // 2 : length]  # the first half is the question
        mask[row, :length] = 1
    batch = {"input_ids": ids, "labels": labels, "attention_mask": mask}
    return {name: tensor.to(device) for name, tensor in batch.items()}


def peak_mib():
    with open("/proc/self/status") as file:
        return round(int(re.search(r"VmHWM:\s+(\d+)", file.read())[1]) / 1024)


def main():
    options = arguments()
    torch.set_num_threads(options.threads)
    model, config = build(options)
    model.to(options.device)
    rows = 8 if options.real else options.batch
    steps = options.steps + 1
    lengths = real_lengths(rows * steps) if options.real else [options.tokens] * (rows * steps)
    size = 2 if options.real else rows
    micro_batches = [
        [collate(lengths[i : i + size], config.vocab_size, options.device) for i in range(step * rows, (step + 1) * rows, size)]
        for step in range(steps)
    ]
    tokens = sum(lengths[rows:]) / max(1, options.steps)
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=2e-4, weight_decay=0.0)
    model.train(not options.evaluate)

    def step(batches):
        targets = sum((batch["labels"][:, 1:] != -100).sum().item() for batch in batches)
        sum_of_losses = 0
        for batch in batches:
            if options.evaluate:
                with torch.no_grad():
                    sum_of_losses += model(**batch, num_items_in_batch=targets).loss.item()
                continue
            loss = model(**batch, num_items_in_batch=targets).loss
            loss.backward()
            sum_of_losses += loss.item()
        if not options.evaluate:
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            optimizer.zero_grad()
        return sum_of_losses

    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the peak of loading does not count
    loss = step(micro_batches[0])  # the first one allocates and chooses kernels
    times_ms = []
    cpu = time.process_time()
    for batches in micro_batches[1:]:
        start = time.perf_counter()
        loss = step(batches)
        times_ms.append(1000 * (time.perf_counter() - start))
    cpu_ms = 1000 * (time.process_time() - cpu) / len(times_ms)
    # Steps of real lengths differ: their mean.
    ms = statistics.mean(times_ms) if options.real else statistics.median(times_ms)
    print(json.dumps({
        "msPerStep": round(ms, 2),
        "cpuMsPerStep": round(cpu_ms, 2),
        "tokensPerSecond": round(1000 * tokens / ms, 1),
        "peakMiB": peak_mib(),
        "timesMs": [round(ms, 2) for ms in times_ms],
        "loss": loss,
        "torch": torch.__version__,
    }))


if __name__ == "__main__":
    main()
