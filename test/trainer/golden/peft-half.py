"""PEFT's own gradients with the base model in bfloat16: what peft.test.ts holds this package's against.

    python peft-half.py GOLDEN OUT CASE...

Writes OUT/CASE.safetensors, the gradient of every adapter matrix, for each folder GOLDEN/lora/CASE.
"""

import json
import sys

import peft
import torch
import transformers
from safetensors.torch import save_file

golden, out, *cases = sys.argv[1:]
torch.set_num_threads(1)


def read(path):
    with open(f"{golden}/{path}") as file:
        return json.load(file)


for case in cases:
    about = read(f"lora/{case}/golden.json")
    batch = {name: torch.tensor(read(about["batch"])[name]) for name in ("input_ids", "attention_mask", "labels")}
    base = transformers.AutoModelForCausalLM.from_pretrained(
        f"{golden}/{about['model']}", dtype=torch.bfloat16, local_files_only=True
    )
    model = peft.PeftModel.from_pretrained(base, f"{golden}/lora/{case}", is_trainable=True)
    model(**batch).loss.backward()
    gradients = {
        name.replace(".default", ""): parameter.grad.float().contiguous()
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }
    save_file(gradients, f"{out}/{case}.safetensors")
