import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  DatasetChecker,
  type EpochReport,
  EvalQueue,
  HubDatasetStore,
  LoraTrainer,
  type OpenEpoch,
  runValidator,
  type Standings,
  Subtensor,
  silentLogger,
  type ValidatorEvent,
  ValidatorState,
} from 'flock-off';
import { TINY_BASE } from 'flock-off/local';
import { waitForFinalBlock } from '../../../src/chain/subnet/final-block.ts';
import { SEED_DELAY_BLOCKS, seedOf } from '../../../src/validator/epoch-start.ts';
import { Arena, type Equipment, leaveOutOf, type Name } from '../arena.ts';
import { World } from '../world.ts';

const MINERS: Name[] = ['victim', 'rival', 'bob'];
/** So many that an epoch lasts for several runs, and its first block is kept by the node for longer than that. */
const BLOCKS_PER_EPOCH = 2_000;
const BLOCK_MS = 100;
/** Waits of the validator after which a fault counts as lasting: then it is mended, and the validator started again. */
const PATIENCE = 6;
const MOST_MS = 60_000;

/** What an epoch of the validator is made of. */
export type Step =
  | { kind: 'hub'; request: string }
  | { kind: 'chain'; request: string }
  | { kind: 'event'; event: ValidatorEvent }
  /** Of the processes that train and check. */
  | { kind: 'process'; what: 'training' | 'checking'; pid: number };

/** Something of ours that breaks. */
export interface Injection {
  name: string;
  /** Called before each step. */
  onStep(step: Step, stage: Stage): void;
  /** Ends what lasts. */
  mend?(stage: Stage): void;
}

/** What is left of an epoch. */
interface Ending {
  report: EpochReport;
  standings: Standings;
  onChain: { uid: number; value: number }[];
}

/** What every epoch begins with. */
type Subnet = Pick<OpenEpoch, 'ownerUid' | 'neurons' | 'commitments'>;

type Pids = Partial<Record<'training' | 'checking', number>>;

/**
 * A subnet whose validator plays an epoch with the same datasets again and again from its start on, undisturbed or not: the
 * one that is in progress then, whose seed is that of its blocks.
 */
export class Stage {
  /** Added to the validator's clock. */
  #clockOffsetMs = 0;
  /** Steps of the undisturbed epoch, in order. */
  readonly steps: Step[] = [];
  readonly #expected = new Map<string, Ending>();
  #onStep: (step: Step) => void = () => {};
  #runs = 0;

  private constructor(
    readonly arena: Arena,
    readonly trainer: LoraTrainer,
    readonly checker: DatasetChecker,
    /** Of the processes that run now. */
    readonly pids: Pids,
    readonly subnet: Subnet,
  ) {
    const take = arena.hub.faults.take.bind(arena.hub.faults);
    arena.hub.faults.take = (request) => {
      this.#onStep({ kind: 'hub', request });
      return take(request);
    };
    arena.chain.faults.onRequest.add((request) => this.#onStep({ kind: 'chain', request }));
  }

  /** Training and checking are done by processes of their own, which can be killed. After one epoch of three miners, of whom two have other datasets by now. */
  static async open(equipment: Equipment): Promise<Stage> {
    let stage: Stage | null = null;
    const pids: Pids = {};
    const debug = (message: string) => {
      const [, what, pid] = /^(training|checking) process (\d+): started/.exec(message) ?? [];
      if (what !== 'training' && what !== 'checking') return;
      pids[what] = Number(pid);
      stage?.note({ kind: 'process', what, pid: Number(pid) });
    };
    const logger = { ...silentLogger, debug };
    const trainer = await LoraTrainer.open({ model: TINY_BASE, logger });
    const opened = { trainer, checker: new DatasetChecker({ logger }) };
    const recipe = {
      contextTokens: 48,
      epochs: 1,
      batchSize: 4,
      gradientAccumulation: 1,
      learningRate: 5e-3,
      warmupSteps: 1,
    };
    const arena = await Arena.open({
      equipment: { ...equipment, ...opened },
      name: 'faults',
      competition: { recipe, readableWithinBlocks: 50 },
      finalityLagBlocks: 4,
      // No epoch of the subnet ends meanwhile, by which the consensus would change.
      tempo: 65_535,
      blockMs: BLOCK_MS,
    });
    const world = new World(81);
    for (const name of MINERS) await arena.publish(name, world.rows(12));
    await arena.epoch();
    for (const name of ['victim', 'bob'] as const) await arena.publish(name, world.rows(12));
    await arena.chain.produceBlocks(BLOCKS_PER_EPOCH - (arena.chain.currentBlock() % BLOCKS_PER_EPOCH));
    stage = new Stage(arena, opened.trainer, opened.checker, pids, await readSubnet(arena));
    stage.#onStep = (step) => stage?.steps.push(step);
    const { report } = await stage.#play();
    stage.#onStep = () => {};
    const drawn = await stage.expected([], report.startBlock);
    if (drawn.report.epochSeed !== report.epochSeed) throw new Error('an undisturbed epoch has another seed');
    return stage;
  }

  moveClock(byMs: number): void {
    this.#clockOffsetMs = byMs;
  }

  /** Called by whatever knows of a step. */
  note(step: Step): void {
    this.#onStep(step);
  }

  /** The epoch of that block in which these were not drawn, and nothing failed. */
  async expected(undrawn: string[], startBlock: number): Promise<Ending> {
    const key = [startBlock, ...[...undrawn].sort()].join();
    const known = this.#expected.get(key);
    if (known) return known;
    const ending = await this.#play({ drawn: { startBlock, undrawn } });
    this.#expected.set(key, ending);
    return ending;
  }

  /** Plays the epoch with something broken. Returns what it cost anybody, in sentences. */
  async inject(injection: Injection): Promise<string[]> {
    this.#onStep = (step) => injection.onStep(step, this);
    try {
      const ending = await this.#play({ injection });
      this.#mend(injection);
      const { entries, startBlock, epochSeed } = ending.report;
      const refused = entries
        .filter(({ outcome }) => outcome.kind === 'rejected')
        .map(({ uid, why }) => `uid ${uid} was refused: ${why}`);
      const postponed = entries.filter(({ outcome }) => outcome.kind === 'postponed').map(({ hotkey }) => hotkey);
      const expected = await this.expected(postponed, startBlock);
      const { epochSeed: seed } = expected.report;
      return [
        ...refused,
        ...(seed === epochSeed ? [] : [`the epoch of block ${startBlock} has the seed ${epochSeed}, expected ${seed}`]),
        ...differences(ending, expected).map(
          (one) => `${one}${postponed.length > 0 ? ` (${postponed.length} postponed)` : ''}`,
        ),
      ];
    } catch (error) {
      return [error instanceof Error ? (error.stack ?? error.message) : String(error)];
    } finally {
      this.#mend(injection);
    }
  }

  #mend(injection: Injection): void {
    this.#onStep = () => {};
    injection.mend?.(this);
    this.arena.hub.faults.clear();
    this.arena.chain.faults.clear();
    this.#clockOffsetMs = 0;
  }

  /** @param drawn an epoch that is drawn already, as it should be; else it is that in progress. */
  async #play({ drawn, injection }: { drawn?: Drawn; injection?: Injection } = {}): Promise<Ending> {
    const { arena, trainer, checker } = this;
    const folder = join(arena.folder, `run-${++this.#runs}`);
    await mkdir(folder);
    const [path, cacheDir] = [join(folder, 'state'), join(folder, 'cache')];
    // A folder that is in use cannot be copied soundly: the arena's own state was closed for it.
    await arena.state.close().catch(() => {});
    await cp(join(arena.folder, 'state'), path, { recursive: true });
    await cp(join(arena.folder, 'cache'), cacheDir, { recursive: true });
    arena.chain.setStorage('SubtensorModule.Weights', arena.netuid, 0, []);
    await arena.chain.produceBlocks(1);
    const waits = { left: PATIENCE, onLast: () => {} };
    const clock = {
      nowMs: () => Date.now() + this.#clockOffsetMs,
      sleep: ({ signal }: { signal?: AbortSignal | undefined }) => {
        // The revealing of weights looks every few seconds, whatever happens.
        return new Promise<void>((resolve) => setTimeout(resolve, signal?.aborted ? 0 : 20));
      },
    };
    const datasets = new HubDatasetStore({
      endpoint: arena.hub.url,
      attempts: 2,
      clock,
      stallTimeoutMs: 2_000,
      totalTimeoutMs: 10_000,
    });
    for (let start = 1; ; start++) {
      const state = await ValidatorState.open({ path });
      const subtensor = await this.#connect();
      const stop = new AbortController();
      waits.left = PATIENCE;
      waits.onLast = () => stop.abort(new Error('the fault lasts'));
      const logger = {
        debug: () => {},
        info: () => {},
        warn: (message: string) => {
          if (message.startsWith('interrupted') && --waits.left <= 0) waits.onLast();
        },
        error: () => {},
      };
      const timer = setTimeout(waits.onLast, MOST_MS);
      try {
        if (start === 1 && drawn) await this.#storeDraw(state, drawn);
        const reports: EpochReport[] = [];
        await runValidator({
          validator: await arena.validatorOn(subtensor, {
            ...{ trainer, checker, state, cacheDir, datasets, clock, logger },
            onEvent: (event) => this.note({ kind: 'event', event }),
          }),
          epochs: 1,
          blocksPerEpoch: BLOCKS_PER_EPOCH,
          signal: stop.signal,
          onReport: (report) => void reports.push(report),
        });
        await arena.chain.produceBlocks(6);
        const ending = {
          report: reports[0]!,
          standings: await state.standings(),
          onChain: arena.chain.weights({ netuid: arena.netuid, uid: 0 }),
        };
        return ending;
      } catch (error) {
        // It lasted, or was none that passes by itself: the operator mends it and starts the validator again.
        if (!injection || start === 3) throw error;
        injection.mend?.(this);
        arena.hub.faults.clear();
        arena.chain.faults.clear();
      } finally {
        clearTimeout(timer);
        await state.close().catch(() => {});
        await subtensor.close().catch(() => {});
      }
    }
  }

  /** Stores the draw of an epoch, as whoever sees the chain as it is makes it. */
  async #storeDraw(state: ValidatorState, { startBlock, undrawn }: Drawn): Promise<void> {
    const { arena, subnet } = this;
    const seedBlock = startBlock + SEED_DELAY_BLOCKS;
    const { hash, genesisHash } = await waitForFinalBlock({ chain: arena.subtensor, block: seedBlock });
    const seed = seedOf({ genesisHash, netuid: arena.netuid, blockHash: hash, competition: arena.competition.id });
    const queue = new EvalQueue({ state: await state.queue() });
    const hotkeys = subnet.commitments.map(({ hotkey }) => hotkey);
    const next = queue.next({ hotkeys, weights: {}, seed });
    const epoch = { ...subnet, ...next, startBlock, seedBlock, timeMs: 0 };
    await state.beginEpoch({ epoch, queue: queue.toJSON(), history: (await state.history())! });
    await leaveOutOf(state, undrawn);
  }

  async #connect(): Promise<Subtensor> {
    const { url } = this.arena.chain;
    const onStep = this.#onStep;
    this.#onStep = () => {};
    const subtensor = await Subtensor.open({
      endpoint: url,
      timeoutMs: 5_000,
      blockTimeoutMs: 10_000,
      pingIntervalMs: 2_000,
      maxClockDifferenceMs: Number.POSITIVE_INFINITY,
    });
    this.#onStep = onStep;
    return subtensor;
  }

  async close(): Promise<void> {
    this.trainer.dispose();
    this.checker.close();
    await this.arena.close();
  }
}

interface Drawn {
  startBlock: number;
  undrawn: string[];
}

/** As every epoch sees it: nothing of it changes from run to run. */
async function readSubnet(arena: Arena): Promise<Subnet> {
  const subnet = await arena.metadata.readSubnetAt({ block: arena.chain.currentBlock() });
  const { metagraph, commitments, ownerUid } = subnet!;
  const neurons = metagraph.neurons.map(({ uid, hotkey, coldkey, registrationBlock, consensus }) => {
    return { uid, hotkey, coldkey, registrationBlock, consensus };
  });
  return { ownerUid, neurons, commitments: neurons.flatMap(({ hotkey }) => commitments.get(hotkey) ?? []) };
}

function differences(ending: Ending, expected: Ending): string[] {
  const averages = ({ standings }: Ending) =>
    Object.fromEntries(
      Object.entries(standings)
        .sort()
        .map(([hotkey, { average }]) => [hotkey, average]),
    );
  const compared = {
    'the averages': [averages(ending), averages(expected)],
    'the weights on the chain': [ending.onChain, expected.onChain],
  };
  return Object.entries(compared).flatMap(([what, [seen, wanted]]) => {
    const [a, b] = [JSON.stringify(seen), JSON.stringify(wanted)];
    return a === b ? [] : [`${what} are ${a}, expected ${b}`];
  });
}
