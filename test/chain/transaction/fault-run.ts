import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { Connection } from '../../../src/chain/node/connection.ts';
import { RuntimeCodecs } from '../../../src/chain/node/runtime-codec.ts';
import { Subtensor } from '../../../src/chain/subtensor.ts';
import { isRejection } from '../../../src/chain/transaction/explain-rejection.ts';
import type { HotkeySigner } from '../../../src/chain/wallet/hotkey.ts';
import { FlockOffError } from '../../../src/errors/flock-off-error.ts';
import { LocalChain, type Profile } from '../../../src/local/chain/local-chain.ts';
import type { ChainFault } from '../../../src/local/chain/node/faults.ts';
import { type Clock, systemClock } from '../../../src/shared/clock.ts';
import { silentLogger } from '../../../src/shared/logger.ts';
import { MersenneTwister } from '../../../src/shared/random.ts';
import { devHotkey } from '../dev-hotkey.ts';
import { memoryReveals } from '../weights/memory-reveals.ts';
import { readSentCalls } from '../weights/sent-calls.ts';
import { DIRECT, type FaultMode, HIDDEN, type Program } from './fault-modes.ts';

const BLOCK_MS = 50;
/** Other weights of the same hotkey are taken after so many blocks: as on a real subnet, and longer than an episode. */
const RATE_LIMIT_BLOCKS = 1_000;
const DEADLINES = { timeoutMs: 3_000, blockTimeoutMs: 1_500, pingIntervalMs: 300 };
const EPISODE_DEADLINE_MS = 60_000;
/** Weights of a process that was killed came first: the next look at the chain shows it. */
const CAME_FIRST = ['CommittingWeightsTooFast', 'SettingWeightsTooFast', 'RateLimitExceeded'];

/** What is killed, and at which request of the episode. */
export interface Kill {
  atRequest: number;
  what: 'connection' | 'server' | 'client' | 'block';
  /** How a connection dies. */
  fault: ChainFault;
  /** How long the server is away. */
  downMs: number;
}

const CONNECTION_FAULTS: ChainFault[] = [
  { kind: 'drop' },
  { kind: 'lose-answer' },
  { kind: 'hang' },
  { kind: 'half-open' },
  { kind: 'delay', ms: 300 },
];

/** Up to three kills at random requests, the first of them while an undisturbed program would still be asking. */
export function planOf(seed: number, requests: number): Kill[] {
  const random = new MersenneTwister(seed);
  const below = (limit: number) => random.nextUint32() % limit;
  // A call in a block that is taken back, at a node that then forgets it, is gone without anybody to blame: never both.
  const kinds = ['connection', 'client', below(2) === 0 ? 'server' : 'block'] as const;
  return Array.from({ length: 1 + below(3) }, (_, i) => ({
    atRequest: 1 + below(requests * (i + 1)),
    what: kinds[below(kinds.length)]!,
    fault: CONNECTION_FAULTS[below(CONNECTION_FAULTS.length)]!,
    downMs: below(150),
  }));
}

/** A chain on which episodes run one after the other, each with a hotkey of its own. */
export interface Lane {
  chain: LocalChain;
  /** Reading the runtime's description is most of what starting a program costs, so that they share it. */
  codecs: RuntimeCodecs;
  /** Reads what came of an episode. */
  observer: Connection;
  /** Hotkeys, uid = place; 0 to 2 are only given weight to. */
  hotkeys: HotkeySigner[];
  close(): Promise<void>;
}

/** Blocks are a pulse of the beacon apart, however fast they are made. */
function steadyClock(): Clock {
  let nowMs = Date.now();
  return { ...systemClock, nowMs: () => (nowMs += 250) };
}

export async function openLane(profile: Profile, episodes: number): Promise<Lane> {
  const hotkeys = await Promise.all(Array.from({ length: 3 + episodes }, (_, uid) => devHotkey(`neuron ${uid}`)));
  const neurons = hotkeys.map(({ address }) => ({ hotkey: address, validatorPermit: true, stake: 1_000 }));
  const chain = await LocalChain.open({
    profile,
    blockTimeMs: 'manual',
    clock: steadyClock(),
    commitmentCooldownBlocks: 0,
    finalityLagBlocks: 2,
    subnets: [
      { netuid: DIRECT, neurons, weightsRateLimit: RATE_LIMIT_BLOCKS, commitRevealEnabled: false, tempo: 100 },
      { netuid: HIDDEN, neurons, weightsRateLimit: RATE_LIMIT_BLOCKS, commitRevealEnabled: true, tempo: 100 },
    ],
  });
  await chain.produceBlocks(3); // What is taken back is not the first block.
  const codecs = new RuntimeCodecs();
  const observer = new Connection({ urls: [chain.url], timeoutMs: 60_000, codecs });
  await observer.use('connecting', async () => {}); // The first one reads the runtime's description, for all.
  const close = async () => {
    observer.close();
    await chain.close();
  };
  return { chain, codecs, observer, hotkeys, close };
}

export interface EpisodeOutcome {
  /** What is on the chain. */
  effect: unknown;
  /** Calls that took effect, in order. */
  calls: string[];
  /** Requests that the node got. */
  requests: number;
  /** Lives of the program. */
  lives: number;
  /** What of the plan was killed. */
  killed: Kill['what'][];
}

/** Runs a program until it has finished, killing what the plan says, and tells what came of it. */
export async function runEpisode(lane: Lane, uid: number, mode: FaultMode, plan: Kill[]): Promise<EpisodeOutcome> {
  const { chain } = lane;
  const hotkey = lane.hotkeys[uid]!;
  const since = chain.currentBlock();
  const reveals = memoryReveals();
  const restarts: Promise<void>[] = [];
  let life = new AbortController();
  let lives = 0;
  let requests = 0;
  const killed: Kill['what'][] = [];
  const kill = ({ what, fault, downMs }: Kill) => {
    killed.push(what);
    if (what === 'connection') chain.faults.inject({ on: '', fault });
    if (what === 'server') restarts.push(chain.restart(downMs));
    if (what === 'client') life.abort(new Error('killed'));
    if (what === 'block') chain.reorg();
  };
  const onRequest = () => {
    requests++;
    for (const next of plan.filter(({ atRequest }) => atRequest === requests)) kill(next);
  };
  // Final blocks only: a program that takes a block for certain would be wrong where that block is taken back.
  const until = plan.some(({ what }) => what === 'block') ? 'finalized' : 'in-block';
  const deadline = AbortSignal.timeout(EPISODE_DEADLINE_MS);
  const ticker = setInterval(() => void chain.produceBlocks(1), BLOCK_MS);
  chain.faults.onRequest.add(onRequest);
  try {
    for (let isDone = false; !isDone; ) {
      deadline.throwIfAborted();
      lives++;
      life = new AbortController();
      isDone = await live(
        {
          connection: new Connection({ urls: [chain.url], codecs: lane.codecs, ...DEADLINES }),
          signal: AbortSignal.any([life.signal, deadline]),
          until,
        },
        (subtensor) => ({
          subtensor,
          hotkey,
          reveals: mortal(reveals, life.signal),
          beacon: chain.beacon,
          skipTo: (block) => skipTo(chain, block),
        }),
        mode,
      );
    }
  } finally {
    clearInterval(ticker);
    chain.faults.onRequest.delete(onRequest);
    chain.faults.clear();
    await Promise.all(restarts);
  }
  return { ...(await outcomeOf(lane, uid, mode, since)), requests, lives, killed };
}

/** What is on the chain of a hotkey's calls since a block. */
export async function outcomeOf(
  { chain, observer, hotkeys }: Lane,
  uid: number,
  mode: FaultMode,
  since: number,
): Promise<Pick<EpisodeOutcome, 'effect' | 'calls'>> {
  const { address } = hotkeys[uid]!;
  const sent = (await readSentCalls(observer, since)).filter(({ signer }) => signer === address);
  const calls = sent.filter(({ refusal }) => refusal === null).map(({ name }) => name);
  return { effect: mode.effect(chain, { uid, address }), calls };
}

interface LifeParameters {
  connection: Connection;
  /** Aborts when the program is killed; the rest of it runs into a closed connection and a store that takes nothing. */
  signal: AbortSignal;
  until: 'in-block' | 'finalized';
}

/** One life of a program; false when it was killed, or met a fault that may pass. */
async function live(
  { connection, signal, until }: LifeParameters,
  programOf: (subtensor: Subtensor) => Program,
  mode: FaultMode,
): Promise<boolean> {
  const killed = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  killed.catch(() => {});
  signal.addEventListener('abort', () => connection.close(), { once: true });
  const subtensor = new Subtensor({ connection, until, logger: silentLogger });
  try {
    const program = programOf(subtensor);
    // A program that is still alive goes on with the same client after a passing fault.
    for (let attempt = 1; attempt <= 3; attempt++) {
      try {
        await Promise.race([mode.finish(program), killed]);
        return true;
      } catch (error) {
        if (!isPassing(error)) throw error;
      }
    }
    return false;
  } catch (error) {
    if (signal.aborted ? (signal.reason as Error).message === 'killed' : isPassing(error)) {
      await sleep(20);
      return false;
    }
    throw error;
  } finally {
    await subtensor.close();
  }
}

function isPassing(error: unknown): boolean {
  return (error instanceof FlockOffError && error.transient) || isRejection(error, CAME_FIRST);
}

/** A store that a dead program cannot reach any more. */
function mortal(store: Program['reveals'], signal: AbortSignal): Program['reveals'] {
  const whileAlive = <T>(work: () => Promise<T>): Promise<T> => (signal.aborted ? new Promise(() => {}) : work());
  return {
    list: () => whileAlive(() => store.list()),
    put: (reveal) => whileAlive(() => store.put(reveal)),
    delete: (id) => whileAlive(() => store.delete(id)),
  };
}

/** Makes the blocks until then, a few at a time, so that others get their turn; waits for one block at least. */
async function skipTo(chain: LocalChain, block: number): Promise<void> {
  await sleep(BLOCK_MS);
  while (chain.currentBlock() < block) {
    await chain.produceBlocks(Math.min(5, block - chain.currentBlock()));
    await turn();
  }
}
