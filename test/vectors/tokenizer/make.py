"""Makes long-texts.json: texts of more than 16,384 characters and the ids that Python gives them, as a count and a hash.

A text is its parts, each [string, times], one after the other. The hash is SHA-256 over the ids as decimal numbers with
commas between. `tiny` is ../golden/tiny-qwen2; `qwen2.5` is Qwen2.5's own tokenizer.json, which is not in this repository.

Run: pip install tokenizers==0.23.3; python3 make.py [folder of Qwen2.5's tokenizer.json]
"""

import hashlib
import json
import os
import random
import sys

from tokenizers import Tokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
random.seed(18)


def many(options, count):
    return "".join(random.choice(options) for _ in range(count))


def numbers(count, separator):
    return separator.join("%.*f" % (random.randint(0, 4), random.uniform(-1e4, 1e4)) for _ in range(count))


ODD = ["a", "the", " of", "é", "e\u0301", "\u0301", "\u0316", "각", "\u1100", "\u1161", "\u11a8", "漢字", "7", "½", "Ⅷ", " ", "  "]
ODD += ["\n", "\r\n", "\t", "\u00a0", "\ufeff", "\u0085", "\u2028", "'s", "'LL", "'\u017f", '"', ".", "。", "—", "<", "|", "_", ">"]
ODD += ["\u212a", "\u037e", "👍🏽", "𝔄", "<|im_end|>", "<|im", "\u200d", "\u0338", "\u0345"]

TEXTS = {
    "only special tokens": [["<|im_end|>", 1639]],
    "special tokens with marks behind": [["<|im_end|>\u0338", 2000]],
    "almost special tokens": [["<|im_start|", 2000], ["<|<|im_end|>", 500]],
    "rows of a blank table": [["|     |     |     |\n", 960]],
    "a table of numbers": [[numbers(60, "  ") + "\n", 50]],
    "a JSON array of numbers": [["[", 1], [numbers(80, ",") + ",", 40], ["0]", 1]],
    "snake_case": [[many(["get", "value", "of", "the", "x"], 3) + "_", 20], ["other_names_", 2500]],
    "XML without spaces": [["<row><id>17</id><name>Ann</name><empty/></row>", 700]],
    "ideographs without spaces": [["漢字仮名交じり文には空白がない。句点はある", 1200]],
    "ideographs without punctuation": [["漢字仮名交文空白無", 4000]],
    "Thai": [["ภาษาไทยไม่มีช่องว่าง", 1200]],
    "families of emoji": [["👨\u200d👩\u200d👧\u200d👦", 3000]],
    "letters with marks behind": [["e\u0301", 12000]],
    "marks above and below": [["a", 1], ["\u0301\u0316", 12000]],
    "Hangul in parts": [["\u1100\u1161\u11a8", 8000]],
    "Hebrew presentation forms": [["\ufb1d\ufb2a", 9000]],
    "spaces": [["x", 1], [" ", 50000], ["y", 1]],
    "line breaks": [["x", 1], ["\n", 30000], ["y", 1]],
    "white space of all kinds": [["x \n\t\r\n\u00a0\u0085\u2028  ", 4000]],
    "byte-order marks": [["\ufeff", 18000], ["a\ufeff b", 4000]],
    "one letter": [["a", 200000]],
    "random letters": [[many("abcdefghij", 2000), 9]],
    "letters beyond the BMP": [["𝔄", 20000]],
    "digits": [["1234567890", 4000]],
    "punctuation": [["!", 30000], ["?!", 9000]],
    "contractions": [["it's I'LL don't 'S '\u017f ", 2000]],
    "what NFC makes ASCII": [["\u212a\u037e\u1fef\u2126", 6000]],
    "base64": [[many("ABCDEFabcdef0123456789+/", 1999), 10]],
    "code": [["    if (x) {\n        y_1 += 1;\n    }\n", 900]],
}
for i in range(8):
    TEXTS[f"a mixture, {i}"] = [[many(ODD, 40), 300]]
    TEXTS[f"runs, {i}"] = [[random.choice(ODD), random.randint(1, 5000)] for _ in range(12)]


def encoded(tokenizer, text):
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    return {"count": len(ids), "sha256": hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest()}


folders = {"tiny": os.path.join(HERE, "..", "golden", "tiny-qwen2")}
if len(sys.argv) > 1:
    folders["qwen2.5"] = sys.argv[1]
tokenizers = {name: Tokenizer.from_file(os.path.join(folder, "tokenizer.json")) for name, folder in folders.items()}
cases = []
for name, parts in TEXTS.items():
    text = "".join(part * times for part, times in parts)
    cases.append({"name": name, "parts": parts, **{key: encoded(tok, text) for key, tok in tokenizers.items()}})
with open(os.path.join(HERE, "long-texts.json"), "w") as file:
    json.dump(cases, file, ensure_ascii=True, indent=1)
    file.write("\n")
with open(os.path.join(HERE, "white-space.json"), "w") as file:
    json.dump([code for code in range(0x110000) if chr(code).strip() == ""], file)
    file.write("\n")
