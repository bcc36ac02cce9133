import { z } from 'zod';
import { FlockOffError } from '../errors/flock-off-error.ts';
import { MersenneTwister } from '../shared/random.ts';
import { requireNumber, requireNumbers } from '../shared/require-number.ts';
import { type Draw, drawByShares } from './draw-by-shares.ts';

const EPOCH_SEEDS = 65_536;
const LARGEST_SEED = 2 ** 32 - 1;

const EvalQueueState = z.object({
  seed: z.int().nonnegative(),
  epoch: z.int().nonnegative(),
  /** True until an epoch had a place for everybody not evaluated before. */
  firstPass: z.boolean(),
  /** Epoch of the last evaluation, by hotkey. */
  lastEvaluated: z.record(z.string(), z.int()),
});
export type EvalQueueState = z.infer<typeof EvalQueueState>;

/** `seed` for a new queue, `state` (what `toJSON()` returned; validated) for a restored one. */
export type EvalQueueParameters = { seed: number } | { state: unknown };

export interface NextEpochParameters {
  /** Every miner with a submission. */
  hotkeys: string[];
  /**
   * Everybody registered, with a submission or without; the queue forgets all others. Default: `hotkeys`. Without it,
   * taking a submission back and making it again would pass for a new registration.
   */
  registered?: Iterable<string>;
  /** Current weight by hotkey; a missing one counts as 0. */
  weights: Record<string, number>;
  /**
   * Seed of this draw, 0..2^32 - 1: the same seed, state and miners give the same draw. Default: derived from the
   * queue's own seed and the number of the epoch.
   */
  seed?: number;
  /** Most miners of an epoch, at least 2: one alone is compared with nobody. Default 32. */
  places?: number;
  /**
   * Who of them is evaluated. Default `drawByShares()`: of 32 places after the first pass 8 by weight, 16 by chance, 8 by
   * longest wait.
   */
  draw?: Draw;
}

export interface NextEpochReturnType {
  /** One seed for every training run of the epoch, 0..65535. */
  epochSeed: number;
  /** Who is evaluated, in this order. */
  hotkeys: string[];
}

/**
 * Decides who is evaluated when, and remembers it. The first pass goes through everybody once, in random order; places
 * left in its last epoch go to those who have waited longest. Afterwards a quarter of the places go to the highest weights,
 * half are drawn by chance from the rest (better ranks more likely, without replacement), and a quarter go to those who have
 * waited longest, so that nobody is left out for ever. Other shares, and other draws: `draw`.
 *
 * Deterministic: the same state and the same input give the same draw. Keep `toJSON()` and go on with it as `state`.
 *
 * @example
 * const queue = new EvalQueue({ seed: 1 });
 * const { epochSeed, hotkeys } = queue.next({ hotkeys: ['a', 'b'], weights: {} });
 */
export class EvalQueue {
  readonly #state: EvalQueueState;

  /** @throws FlockOffError `bad-argument` unless the seed is a whole number from 0 on, or the state one of a queue. */
  constructor(parameters: EvalQueueParameters) {
    if (!('state' in parameters)) this.#state = firstState(parameters.seed);
    else if (parameters.state instanceof EvalQueue) this.#state = parameters.state.toJSON();
    else this.#state = parseState(parameters.state);
  }

  toJSON(): EvalQueueState {
    return { ...this.#state, lastEvaluated: { ...this.#state.lastEvaluated } };
  }

  /**
   * Draws the next epoch and counts its miners as evaluated.
   * @throws FlockOffError `bad-argument` for fewer than 2 places, a weight that is negative or not finite, and a seed that is none.
   */
  next({
    hotkeys,
    registered = hotkeys,
    weights,
    seed,
    places = 32,
    draw = drawByShares(),
  }: NextEpochParameters): NextEpochReturnType {
    requirePlaces(places);
    requireNumbers('weights', Object.entries(weights));
    const state = this.#state;
    if (seed !== undefined) requireNumber('seed', seed, { whole: true, most: LARGEST_SEED });
    const random = new MersenneTwister(seed ?? state.seed + state.epoch);
    const epochSeed = random.nextUint32() % EPOCH_SEEDS;
    const known = new Set(registered);
    for (const hotkey of Object.keys(state.lastEvaluated)) if (!known.has(hotkey)) delete state.lastEvaluated[hotkey];

    const everybody = shuffled([...new Set(hotkeys)].sort(), random);
    const unseen = everybody.filter((hotkey) => !(hotkey in state.lastEvaluated));
    const chosen = draw({
      candidates: everybody.map((hotkey) => ({
        hotkey,
        weight: weights[hotkey] ?? 0,
        lastEvaluated: state.lastEvaluated[hotkey] ?? null,
      })),
      places,
      firstPass: state.firstPass,
      random: () => random.nextUniform(),
    });
    if (unseen.length <= places) state.firstPass = false;

    state.epoch++;
    for (const hotkey of chosen) state.lastEvaluated[hotkey] = state.epoch;
    return { epochSeed, hotkeys: chosen };
  }

  /**
   * Puts miners back whose evaluation could not be done: they have half the longest wait behind them. Not all of it, or
   * repositories that can never be reached would take the waiting places from everybody else.
   */
  postpone(hotkeys: string[]): void {
    const { epoch, lastEvaluated } = this.#state;
    const halfway = Math.floor((Math.min(epoch, ...Object.values(lastEvaluated)) + epoch) / 2);
    for (const hotkey of hotkeys) if (hotkey in lastEvaluated) lastEvaluated[hotkey] = halfway;
  }
}

function firstState(seed: number): EvalQueueState {
  requireNumber('seed', seed, { whole: true });
  return { seed, epoch: 0, firstPass: true, lastEvaluated: {} };
}

function parseState(state: unknown): EvalQueueState {
  const parsed = EvalQueueState.safeParse(state);
  if (parsed.success) return parsed.data;
  throw new FlockOffError({
    code: 'bad-argument',
    what: `this is no stored evaluation queue (${z.prettifyError(parsed.error)})`,
    fix: 'restore the state from a backup, or start with a new queue',
  });
}

function requirePlaces(places: number): void {
  if (Number.isInteger(places) && places >= 2) return;
  throw new FlockOffError({
    code: 'bad-argument',
    what: `an epoch cannot have ${places} places: a loss is worth something only beside another`,
    fix: 'give it 2 places or more',
    facts: { name: 'places', value: places },
  });
}

function shuffled<T>(items: T[], random: MersenneTwister): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = random.nextUint32() % (i + 1);
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
  return items;
}
