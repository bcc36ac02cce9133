"""What Python's `bittensor` 10 reads from a chain, and what it sends: see answers.py."""
import sys
from libfaketime import fake_time, reexec_if_needed

reexec_if_needed(quiet=True)
from answers import serve
import bittensor as bt

netuid, wallets = int(sys.argv[1]), sys.argv[2]


def wallet(name):
    return bt.Wallet(name=name, path=wallets)


def view(chain):
    block = chain.block
    graph = chain.metagraph(netuid)
    info = chain.get_metagraph_info(netuid)
    settings = chain.get_subnet_hyperparameters(netuid)
    coldkey = wallet("validator").coldkeypub.ss58_address
    return {
        "block": block,
        "name": info.name,
        "neurons": [
            {
                "uid": int(n.uid), "hotkey": n.hotkey, "coldkey": n.coldkey, "stake": n.stake.rao,
                "permit": n.validator_permit, "active": bool(n.active), "update": n.last_update,
                "incentive": n.incentive, "consensus": n.consensus, "dividends": n.dividends, "trust": n.validator_trust,
            }
            for n in chain.neurons_lite(netuid)
        ],
        "weights": {uid: row for uid, row in chain.weights(netuid)},
        "rows": {int(n.uid): [[int(u), int(w)] for u, w in n.weights] for n in chain.neurons(netuid) if len(n.weights)},
        "graph": {
            "hotkeys": graph.hotkeys, "coldkeys": graph.coldkeys, "permit": graph.validator_permit.tolist(),
            "stake": [float(s) for s in graph.S], "registered": [int(b) for b in graph.block_at_registration],
        },
        "settings": {
            "tempo": settings.tempo, "weights_rate_limit": settings.weights_rate_limit,
            "min_allowed_weights": settings.min_allowed_weights, "immunity_period": settings.immunity_period,
            "commit_reveal": settings.commit_reveal_weights_enabled, "reveal_period": settings.commit_reveal_period,
            "max_validators": settings.max_validators, "version": settings.weights_version,
        },
        "next_epoch": chain.get_next_epoch_start_block(netuid),
        "until_epoch": chain.blocks_until_next_epoch(netuid),
        "commitments": chain.get_all_commitments(netuid),
        "balance": chain.get_balance(coldkey).rao,
        "staked": [[s.hotkey_ss58, s.stake.rao] for s in chain.get_stake_info_for_coldkey(coldkey)],
        "existential_deposit": chain.get_existential_deposit().rao,
        "registered": chain.is_hotkey_registered_on_subnet(wallet("miner").hotkey.ss58_address, netuid),
        "exists": [chain.subnet_exists(netuid), chain.subnet_exists(9)],
    }


def outcome(response):
    return {"success": response.success, "message": f"{response.message} {response.error}"}


def send(chain):
    validator, miner = wallet("validator"), wallet("miner")
    told = {"commit": outcome(chain.set_commitment(miner, netuid, "miner/data:1:" + "a" * 40))}
    told["stranger"] = outcome(chain.set_commitment(wallet("stranger"), netuid, "x", raise_error=False))
    told["set"] = outcome(chain.set_weights(validator, netuid, [1, 2], [0.25, 1.0], wait_for_finalization=True))
    return told


HIDDEN = dict(uids=[1, 2], weights=[20_000, 65_535], salt=[1, 2, 3, 4, 5, 6, 7, 8], version_key=10_005_000)


def commit_hash(chain):
    return outcome(chain.commit_weights(wallet("validator"), netuid, wait_for_finalization=True, raise_error=False, **HIDDEN))


def reveal(chain):
    return outcome(chain.reveal_weights(wallet("validator"), netuid, raise_error=False, max_attempts=1, **HIDDEN))


def lock_weights(chain, time):
    with fake_time(time):
        told = outcome(chain.set_weights(wallet("validator"), netuid, [1, 2], [0.25, 1.0], wait_for_finalization=True))
    waiting = chain.get_timelocked_weight_commits(netuid)
    return {**told, "waiting": [[hotkey, round] for hotkey, block, data, round in waiting]}


def lock_commitment(chain, time, text):
    with fake_time(time):
        return outcome(chain.set_reveal_commitment(wallet("miner"), netuid, text, blocks_until_reveal=10))


def admin(chain):
    coldkey = wallet("validator")
    amount = bt.Balance.from_tao(2)
    told = {"stake": outcome(chain.add_stake(coldkey, netuid, wallet("validator").hotkey.ss58_address, amount, mev_protection=False))}
    told["unstake"] = outcome(
        chain.unstake(coldkey, netuid, wallet("validator").hotkey.ss58_address, bt.Balance.from_tao(1).set_unit(netuid), mev_protection=False)
    )
    call = lambda tempo: chain.compose_call("AdminUtils", "sudo_set_tempo", {"netuid": netuid, "tempo": tempo})
    sudo = chain.compose_call("Sudo", "sudo", {"call": call(77)})
    batch = chain.compose_call("Utility", "batch_all", {"calls": [sudo]})
    told["sudo"] = outcome(chain.sign_and_send_extrinsic(batch, coldkey, sign_with="coldkey", wait_for_inclusion=True))
    told["tempo"] = chain.tempo(netuid)
    return told


chains = {}


def on_chain(command):
    def run(url, **request):
        chains[url] = chains.get(url) or bt.Subtensor(network=url)
        return command(chains[url], **request)

    return run


commands = [view, send, commit_hash, reveal, lock_weights, lock_commitment, admin]
serve({command.__name__: on_chain(command) for command in commands})
