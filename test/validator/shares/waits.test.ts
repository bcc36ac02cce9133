import { expect, test } from 'vitest';
import { partOf } from '../../../src/validator/shares/round.ts';
import type { StandingWeights } from '../../../src/validator/shares/standing-weights.ts';
import type { Turn } from '../../../src/validator/shares/turns.ts';
import { whileSetOpens } from '../../../src/validator/shares/while-set-opens.ts';
import type { Validator, ValidatorEvent } from '../../../src/validator/validator.ts';

// What one of several competitions waits for, and for how long the others do.

/** A chain that is in block 100, with weights to be sent in block 110, and comes to it by `pass`. */
function chain() {
  let pass = () => {};
  const passed = new Promise<void>((resolve) => {
    pass = resolve;
  });
  const seen: ValidatorEvent['kind'][] = [];
  const validator = {
    ...{ netuid: 7, blockThreshold: 50, onEvent: ({ kind }: ValidatorEvent) => void seen.push(kind) },
    subtensor: {
      epoch: async () => ({ block: 100, nextEpochBlock: 160 }),
      waitForBlock: async ({ block }: { block: number }) => {
        expect(block).toBe(110);
        await passed;
        return block;
      },
    },
  } as unknown as Validator;
  return { validator, pass, seen };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
const opening: ValidatorEvent = { kind: 'opening', block: 100, untilBlock: 120 };
const scoring: ValidatorEvent = { kind: 'scoring', uids: [] };
const untilAborted = (signal?: AbortSignal) =>
  new Promise<never>((_, reject) => signal!.addEventListener('abort', () => reject(signal!.reason)));

test('a set that does not open is waited for until it is time for the weights', async () => {
  const { validator, pass, seen } = chain();
  const waiting = whileSetOpens({ validator }, async ({ validator: bounded, signal }) => {
    bounded.onEvent?.(opening);
    return untilAborted(signal);
  });
  const refused = expect(waiting).rejects.toMatchObject({ code: 'timeout', transient: true });
  await settled();
  pass();
  await refused;
  expect(seen).toEqual(['opening']);
});

test.each<[ValidatorEvent[]]>([[[]], [[opening, scoring]]])(
  'what does not wait for a set, or no longer, is not given up (%j)',
  async (events) => {
    const { validator, pass } = chain();
    let end = () => {};
    const training = new Promise<void>((resolve) => {
      end = resolve;
    });
    const work = whileSetOpens({ validator }, async ({ validator: bounded, signal }) => {
      for (const event of events) bounded.onEvent?.(event);
      await training;
      return signal!.aborted;
    });
    pass();
    await settled();
    end();
    expect(await work).toBe(false);
  },
);

test('the signal of the caller ends the wait with its own reason', async () => {
  const { validator } = chain();
  const stop = new AbortController();
  const waiting = whileSetOpens({ validator, signal: stop.signal }, async ({ signal }) => untilAborted(signal));
  stop.abort(new Error('stopped'));
  await expect(waiting).rejects.toThrow('stopped');
});

const NOTHING: StandingWeights = { startBlock: null, weights: [], missed: 0, missedIn: null };
const turn = { competition: { validator: { competition: { blocksPerEpoch: 7_200 } } } } as unknown as Turn;
const outcome = (kind: 'postponed' | 'scored') =>
  ({ weighed: { action: 'keep', weights: [] }, found: new Map([['h1', { kind }]]) }) as never;
const shortest = 360;

test('a competition that has never come to weights holds up the others for epochs of theirs, once', () => {
  let before = NOTHING;
  const at = (block: number, more: Pick<Parameters<typeof partOf>[0], 'now' | 'turn'>) => {
    const { from, ...stands } = partOf({ before, shortest, block, ...more });
    before = stands;
    return `${from} ${stands.missed}`;
  };
  const postponed = { now: outcome('postponed'), turn };
  expect(at(300, postponed)).toBe('unknown 1');
  // The same weights again, and those of rounds in which none of its own epochs is due.
  expect(at(310, postponed)).toBe('unknown 1');
  expect(at(660, { now: null, turn: undefined })).toBe('unknown 2');
  expect(at(1_020, { now: null, turn: undefined })).toBe('unknown 3');
  // An epoch without weights ends it, and does not begin it anew.
  expect(at(1_380, { now: outcome('scored'), turn })).toBe('empty 3');
  expect(at(1_740, { now: null, turn: undefined })).toBe('empty 3');
  expect(at(8_500, postponed)).toBe('unknown 4');
});

test('weights that stand are missed once for each epoch of their own', () => {
  let before: StandingWeights = { ...NOTHING, startBlock: 0, weights: [{ uid: 1, hotkey: 'h1', weight: 1 }] };
  const missed = [300, 660, 7_500, 14_700].map((block) => {
    const { from, ...stands } = partOf({ now: null, before, turn, shortest, block });
    before = stands;
    return `${from} ${stands.missed}`;
  });
  expect(missed).toEqual(['earlier 1', 'earlier 1', 'earlier 2', 'earlier 3']);
});
