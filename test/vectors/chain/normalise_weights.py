"""Makes normalise-weights.json: what convert_weights_and_uids_for_emit of the Bittensor SDK gives for float32 weights.

Run: python3 normalise_weights.py > normalise-weights.json
"""

import json
import random
import struct


def float32(x):
    return struct.unpack("f", struct.pack("f", x))[0]


def emit(uids, weights):
    weights = [float32(w) for w in weights]
    most = max(weights, default=0.0)
    if sum(weights) == 0:
        return [], []
    out = [(uid, round(float(w) / float(most) * 65535)) for uid, w in zip(uids, weights)]
    out = [(uid, value) for uid, value in out if value != 0]
    return [uid for uid, _ in out], [value for _, value in out]


random.seed(7)
cases = [
    [0.1, 0.2, 0.7],
    [0, 0.5, 0.25, 1e-6],
    [0.5, 0.5],
    [0, 0, 0],
    [],
    # Exact halves: round half to even.
    [65535 / 65536, *[(2 * k + 1) / 131072 for k in (0, 1, 2, 3, 1000, 32767)]],
]
cases += [[random.random() ** random.choice((1, 4, 16)) for _ in range(random.choice((3, 10, 256)))] for _ in range(20)]
result = []
for weights in cases:
    uids, values = emit(list(range(len(weights))), weights)
    result.append({"weights": weights, "uids": uids, "values": values})
print(json.dumps(result))
