"""The same with `bittensor` 11."""
import asyncio, contextlib, sys
from libfaketime import fake_time, reexec_if_needed

reexec_if_needed(quiet=True)
from answers import serve
import bittensor as bt
from bittensor import intents
from bittensor._generated import calls

netuid, wallets = int(sys.argv[1]), sys.argv[2]


def wallet(name):
    return bt.Wallet(name=name, path=wallets)


async def view(chain):
    graph = await chain.subnets.metagraph(netuid)
    neurons = await chain.neurons.all(netuid)
    settings = await chain.read("subnet_hyperparameters", netuid=netuid)
    coldkey = wallet("validator").coldkeypub.ss58_address
    commitments = await chain.subnets.commitments(netuid)
    return {
        "block": graph.block,
        "name": graph.name,
        "neurons": [
            {
                "uid": n.uid, "hotkey": n.hotkey, "coldkey": n.coldkey, "stake": n.total_stake.rao,
                "permit": n.validator_permit, "active": n.active, "update": n.last_update,
                "incentive": n.raw["incentive"] / 65535, "consensus": n.raw["consensus"] / 65535,
                "dividends": n.raw["dividends"] / 65535, "trust": n.raw["validator_trust"] / 65535,
            }
            for n in neurons
        ],
        "weights": await chain.read("weights", netuid=netuid),
        "graph": {
            "hotkeys": graph.hotkeys, "coldkeys": graph.coldkeys, "permit": [n.validator_permit for n in graph],
            "stake": [n.total_stake.rao / 1e9 for n in graph], "registered": [n.block_at_registration for n in graph],
        },
        "settings": {
            "tempo": settings["tempo"], "weights_rate_limit": settings["weights_rate_limit"],
            "min_allowed_weights": settings["min_allowed_weights"], "immunity_period": settings["immunity_period"],
            "commit_reveal": settings["commit_reveal_weights_enabled"], "reveal_period": settings["commit_reveal_period"],
            "max_validators": settings["max_validators"], "version": settings["weights_version"],
        },
        "next_epoch": await chain.read("next_epoch_start_block", netuid=netuid),
        "until_epoch": await chain.read("blocks_until_next_epoch", netuid=netuid),
        "commitments": {hotkey: commitment.value for hotkey, commitment in commitments.items()},
        "balance": (await chain.read("balance", coldkey_ss58=coldkey)).rao,
    }


def outcome(result):
    return {"success": result.success, "message": str(result.message)}


async def attempt(run):
    try:
        return outcome(await run)
    except Exception as error:
        return {"success": False, "message": f"{type(error).__name__}: {error}"}


async def commit(chain, name, field):
    call = calls.Commitments.set_commitment(netuid, {"fields": [field]})
    return await attempt(chain.submit_call(call, wallet(name), signer="hotkey"))


def raw(text):
    return {f"Raw{len(text)}": "0x" + text.encode().hex()}


async def set_weights(chain):
    weights = intents.SetWeights(netuid=netuid, uids=[1, 2], weights=[0.25, 1.0])
    return await attempt(chain.execute(weights, wallet("validator")))


async def send(chain):
    return {
        "commit": await commit(chain, "miner", raw("miner/data:1:" + "a" * 40)),
        "stranger": await commit(chain, "stranger", raw("x")),
        "set": await set_weights(chain),
    }


async def lock_weights(chain, time):
    with fake_time(time):
        told = await set_weights(chain)
    waiting = await chain.read("timelocked_weight_commits", netuid=netuid)
    return {**told, "waiting": [[one["hotkey"], one["reveal_round"]] for commits in waiting.values() for one in commits]}


async def lock_commitment(chain, time, text):
    with fake_time(time):
        sealed = bt.timelock.encrypt(text, 115)
        encrypted = {"encrypted": "0x" + sealed.encrypted.hex(), "reveal_round": sealed.reveal_round}
        return await commit(chain, "miner", {"TimelockEncrypted": encrypted})


def on_chain(command):
    async def run(url, **request):
        chain = await bt.Client(url).__aenter__()
        try:
            return await command(chain, **request)
        finally:
            # Its reader can miss that it is cancelled when an answer comes at that moment; told again, it ends.
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(chain.close(), 2)

    return lambda **request: asyncio.run(run(**request))


commands = [view, send, lock_weights, lock_commitment]
serve({command.__name__: on_chain(command) for command in commands})
