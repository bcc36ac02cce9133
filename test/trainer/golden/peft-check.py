"""Loads our adapter in PEFT and saves one of its own: what peft.test.ts compares with this package.

    python peft-check.py BASE OUR_ADAPTER IDS.json OUT

Writes OUT/ours.safetensors and OUT/theirs.safetensors, each `log_probs [positions, vocabulary]` of the base with an
adapter over the rows of IDS.json, one row after the other, and the PEFT adapter OUT/adapter.
"""

import json
import sys

import peft
import torch
import transformers
from safetensors.torch import save_file

base, our_adapter, ids_path, out = sys.argv[1:]
torch.set_num_threads(1)
with open(ids_path) as file:
    rows = json.load(file)


def load_base():
    return transformers.AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32, local_files_only=True)


def write(model, path):
    model.eval()
    with torch.no_grad():
        logits = [model(input_ids=torch.tensor([row])).logits[0] for row in rows]
    save_file({"log_probs": torch.log_softmax(torch.cat(logits).double(), -1).float().contiguous()}, path)


write(peft.PeftModel.from_pretrained(load_base(), our_adapter), f"{out}/ours.safetensors")

torch.manual_seed(0)
config = peft.LoraConfig(r=8, lora_alpha=20, lora_dropout=0.1, target_modules="all-linear", task_type="CAUSAL_LM")
model = peft.get_peft_model(load_base(), config)
for name, parameter in model.named_parameters():
    if "lora_B" in name:
        torch.nn.init.normal_(parameter, std=0.05)
model.save_pretrained(f"{out}/adapter")
write(model, f"{out}/theirs.safetensors")
print(f"torch {torch.__version__}, transformers {transformers.__version__}, peft {peft.__version__}")
