"""Makes vectors.json: the first block that may reveal time-locked weights, as Bittensor's own core computes it.

The core (PyPI bittensor-core, see README.md) only tells the drand round of a commit made now. With blocks of 3000 s a
block is 1000 rounds, so the round tells the block, whatever the moment of the call; its target is three blocks into the
reveal epoch. `rounds` are whole answers, with the time of the call.
"""

import importlib.metadata
import json
import pathlib
import random
import time

import bittensor_core as core

GENESIS, PERIOD = 1692803367, 3
TARGET_OFFSET = 3
SLOW_BLOCK_SECONDS = 3000.0


def commit(schedule, block_time):
    """The round of a commit, and the time it was made at, never at the turn of a round."""
    while True:
        before = time.time()
        _, round_ = core.get_encrypted_commit_v2(
            [0],
            [65535],
            0,
            schedule["lastEpochBlock"],
            schedule["pendingEpochBlock"],
            schedule["epoch"],
            schedule["tempo"],
            schedule["block"] - schedule["lastEpochBlock"],
            schedule["block"],
            schedule["revealPeriodEpochs"],
            block_time,
            bytes(32),
        )
        after = time.time()
        if (before - GENESIS) // PERIOD == (after - GENESIS) // PERIOD and after % 1 > before % 1:
            return round_, before


def first_reveal_block(schedule):
    round_, now = commit(schedule, SLOW_BLOCK_SECONDS)
    rounds_ahead = round_ - int((now - GENESIS) // PERIOD)
    blocks_ahead, rest = divmod(rounds_ahead, int(SLOW_BLOCK_SECONDS) // PERIOD)
    assert rest == 0, (schedule, rounds_ahead)
    return schedule["block"] + blocks_ahead - TARGET_OFFSET


def schedule(rng, kind):
    tempo = rng.choice([1, 2, 3, 10, 99, 360, 360, 360, 720, 7200, 50400])
    last = rng.randrange(1, 9_000_000)
    if kind == "late":
        block = last + tempo + rng.randrange(0, 12)
    elif kind == "edge":
        block = last + tempo - rng.randrange(0, min(3, tempo) + 1)
    else:
        block = last + rng.randrange(0, tempo)
    pending = 0
    if kind == "pending":
        pending = max(1, block + rng.choice([-5, -2, -1, 0, 1, 2, 3, 10, tempo // 2, tempo]))
    return {
        "block": block,
        "epoch": rng.randrange(0, 30_000),
        "lastEpochBlock": last,
        "pendingEpochBlock": pending,
        "tempo": tempo,
        "revealPeriodEpochs": rng.choice([1, 1, 1, 2, 3, 10]),
    }


rng = random.Random(20261129)
vectors = []
for kind, count in [("on-time", 150), ("edge", 100), ("late", 120), ("pending", 150)]:
    for _ in range(count):
        one = schedule(rng, kind)
        vectors.append({"kind": kind, **one, "firstRevealBlock": first_reveal_block(one)})
rounds = []
for kind in ["on-time", "edge", "late", "pending"]:
    for block_time in [12.0, 12.0, 0.25, 3.0]:
        one = {**schedule(rng, kind), "tempo": 360}
        one["lastEpochBlock"] = one["block"] - (365 if kind == "late" else rng.randrange(0, 360))
        round_, now = commit(one, block_time)
        rounds.append({"kind": kind, **one, "blockTimeMs": block_time * 1000, "timeMs": int(now * 1000), "round": round_})
body = ",\n".join(json.dumps(one, separators=(",", ":")) for one in vectors)
more = ",\n".join(json.dumps(one, separators=(",", ":")) for one in rounds)
text = f'{{"package":"bittensor-core {importlib.metadata.version("bittensor-core")}","vectors":[\n{body}\n],"rounds":[\n{more}\n]}}\n'
pathlib.Path(__file__).with_name("vectors.json").write_text(text)
