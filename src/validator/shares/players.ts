import { FlockOffError } from '../../errors/flock-off-error.ts';
import type { Metagraph } from '../../schema/metagraph.ts';
import { abortable } from '../../shared/abortable.ts';
import { eitherSignal } from '../../shared/either-signal.ts';
import { isTransientError } from '../../shared/retry.ts';
import { Turns } from '../../shared/turns.ts';
import { Player, type WatchedCompetition } from './player.ts';

export interface PlayersParameters {
  competitions: WatchedCompetition[];
  signal?: AbortSignal;
}

/** When weights are sent. */
export interface WeightsTime {
  /** The subnet as of then. */
  end: Metagraph;
  /** Where the subnet's epoch ends then; Infinity where it has none. */
  nextEpochBlock: number;
  /** Of an epoch of the subnet. */
  periodBlocks: number;
}

/** Where it is late in the subnet's epoch already, others are waited for until so many blocks before its end. */
const LAST_BLOCKS = 10;

/** The competitions of a validator, each of which plays by itself, and the times at which their weights are sent together. */
export class Players {
  readonly all: Player[];
  readonly #signal: AbortSignal | undefined;
  /** Until that block no more are sent: in the subnet's epoch before it they were. */
  #sentUntil = 0;
  #change = () => {};
  #changed = Promise.resolve();

  constructor({ competitions, signal }: PlayersParameters) {
    this.#signal = signal;
    this.#expectChange();
    const common = { reading: new Turns(), onChange: () => this.#change(), signal };
    this.all = competitions.map((competition) => new Player({ competition, ...common }));
  }

  /** Those that failed may be tried again. */
  beginRound(): void {
    for (const player of this.all) if (player.state === 'failed') player.state = 'idle';
  }

  /**
   * Waits until somebody is scored and it is time for the weights. Who is not through by then goes on: nobody waits for long
   * trainings of others. On a subnet without such a time, since its epochs are shorter than what weights are sent ahead of
   * their ends, or since it has none, all are waited for that get on.
   * @throws FlockOffError the fault where none can be scored; what ends all of them.
   */
  async untilWeights(): Promise<WeightsTime> {
    const { subtensor, netuid, blockThreshold } = this.all[0]!.competition.validator;
    const round = new AbortController();
    for (const player of this.all) if (player.state === 'idle') player.begin(round.signal);
    try {
      await this.#until(() => this.#isAnybody('scored') || !this.#mayAnybody());
      if (!this.#isAnybody('scored')) throw this.#faultOfAll();
      const { block, nextEpochBlock, periodBlocks } = await subtensor.epoch({ netuid, signal: this.#signal });
      const isComplete = () => !this.all.some(({ isWaitedFor }) => isWaitedFor);
      const hasTime = Number.isFinite(nextEpochBlock) && periodBlocks > blockThreshold;
      // Of the subnet's next epoch, where weights were sent in this one.
      const endBlock = nextEpochBlock + (hasTime && block < this.#sentUntil ? periodBlocks : 0);
      const untilBlock = endBlock - blockThreshold;
      if (!hasTime) await this.#until(isComplete);
      else if (block < untilBlock) {
        await this.#untilBlock(untilBlock, this.#tellWaiting(block, untilBlock));
        // Those that give up in that block, so as to be in these weights, are through in a moment.
        const areThrough = () => !this.all.some(({ isInTime }) => isInTime);
        if (!areThrough()) await this.#untilBlock(endBlock - LAST_BLOCKS, areThrough);
      } else await this.#untilBlock(Math.max(endBlock - LAST_BLOCKS, block), isComplete);
      const end = await subtensor.metagraph({ netuid, signal: this.#signal });
      return { end, nextEpochBlock: endBlock, periodBlocks };
    } finally {
      round.abort();
      await Promise.all(this.all.map((player) => player.paused()));
    }
  }

  /** Notes that weights were sent in the subnet's epoch that ends with that block: once in each. */
  sent({ untilBlock }: { untilBlock: number }): void {
    this.#sentUntil = Number.isFinite(untilBlock) ? untilBlock : 0;
  }

  async stop(): Promise<void> {
    await Promise.all(this.all.map((player) => player.stop()));
  }

  #isAnybody(state: Player['state']): boolean {
    return this.all.some((player) => player.state === state);
  }

  #mayAnybody(): boolean {
    return this.all.some(({ state, hasShare }) => state !== 'failed' && (state !== 'idle' || hasShare));
  }

  #faultOfAll(): unknown {
    const faults = this.all.flatMap(({ state, fault }) => (state === 'failed' ? [fault] : []));
    return faults.find(isTransientError) ?? faults[0] ?? nobodyHasShare();
  }

  /** Tells each that is scored once; holds never. */
  #tellWaiting(block: number, untilBlock: number): () => false {
    const told = new Set<Player>();
    return () => {
      for (const player of this.all.filter((one) => one.state === 'scored' && !told.has(one))) {
        told.add(player);
        player.competition.validator.onEvent?.({ kind: 'waiting', block, untilBlock });
      }
      return false;
    };
  }

  /** Waits for the block, or until `holds`. */
  async #untilBlock(block: number, holds: () => boolean): Promise<void> {
    const { subtensor } = this.all[0]!.competition.validator;
    const over = new AbortController();
    let reached: { error?: unknown } | null = null;
    const isReached = (found: { error?: unknown }) => {
      reached = found;
      this.#change();
    };
    const either = eitherSignal(over.signal, this.#signal);
    const waiting = subtensor.waitForBlock({ block, signal: either.signal }).then(
      () => isReached({}),
      (error) => isReached({ error }),
    );
    try {
      await this.#until(() => {
        if (reached?.error !== undefined) throw reached.error;
        return reached !== null || holds();
      });
    } finally {
      over.abort();
      either.release();
      await waiting;
    }
  }

  /** @throws what any of them cannot go on with. */
  async #until(holds: () => boolean): Promise<void> {
    for (;;) {
      const crashes = this.#takeCrashes();
      if (crashes.length > 0) throw crashes.find((crash) => !isTransientError(crash)) ?? crashes[0];
      const changed = this.#changed;
      if (holds()) return;
      await (this.#signal ? abortable(changed, this.#signal) : changed);
    }
  }

  /** Of all: the chain is away for everybody who asks it, and that is one interruption. */
  #takeCrashes(): unknown[] {
    return this.all.flatMap((player) => {
      const { crash } = player;
      player.crash = null;
      return crash === null ? [] : [crash];
    });
  }

  #expectChange(): void {
    this.#changed = new Promise((resolve) => {
      this.#change = () => {
        this.#expectChange();
        resolve();
      };
    });
  }
}

function nobodyHasShare(): FlockOffError {
  return new FlockOffError({
    code: 'bad-argument',
    what: 'no competition has a share of the weights, nor will have one',
    fix: 'give one of them a share',
    facts: { name: 'shares' },
  });
}
