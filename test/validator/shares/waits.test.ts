import { expect, test } from 'vitest';
import { FlockOffError, messageOf } from '../../../src/errors/flock-off-error.ts';
import { abortable } from '../../../src/shared/abortable.ts';
import { silentLogger } from '../../../src/shared/logger.ts';
import { withOwnLog } from '../../../src/validator/shares/own-log.ts';
import { getsOn } from '../../../src/validator/shares/player.ts';
import { Players } from '../../../src/validator/shares/players.ts';
import { countsFromOf, partOf } from '../../../src/validator/shares/round.ts';
import { portionIn, type StandingWeights, withPortion } from '../../../src/validator/shares/standing-weights.ts';
import type { Validator, ValidatorEvent } from '../../../src/validator/validator.ts';

// What stands for a competition that is not through, and for how long the others wait for its first weights.

const NOTHING: StandingWeights = { startBlock: null, weights: [], missed: 0, missedIn: null };
const outcome = (kind: 'postponed' | 'scored') =>
  ({ weighed: { action: 'keep', weights: [] }, found: new Map([['h1', { kind }]]) }) as never;
const lengths = { shortest: 360, blocksPerEpoch: 7_200 };

test('a competition that has never come to weights holds up the others for epochs of theirs, once', () => {
  let before = NOTHING;
  const at = (block: number, more: Pick<Parameters<typeof partOf>[0], 'now' | 'unfinished'>) => {
    const { from, ...stands } = partOf({ before, block, ...lengths, ...more });
    before = stands;
    return `${from} ${stands.missed}`;
  };
  const postponed = { now: outcome('postponed'), unfinished: null };
  expect(at(300, postponed)).toBe('unknown 1');
  // The same weights again, and those of rounds in which none of its own epochs is due.
  expect(at(310, postponed)).toBe('unknown 1');
  expect(at(660, { now: null, unfinished: null })).toBe('unknown 2');
  expect(at(1_020, { now: null, unfinished: 'late' })).toBe('unknown 3');
  // An epoch without weights ends it, and does not begin it anew.
  expect(at(1_380, { now: outcome('scored'), unfinished: null })).toBe('empty 3');
  expect(at(1_740, { now: null, unfinished: null })).toBe('empty 3');
  expect(at(8_500, postponed)).toBe('unknown 4');
});

test.each([
  ['fault', ['earlier 1', 'earlier 1', 'earlier 2', 'earlier 3']],
  ['late', ['earlier 0', 'earlier 0', 'earlier 0', 'earlier 0']],
] as const)(
  'weights that stand are missed once for each epoch of their own that meets a fault, and never by a long training (%s)',
  (unfinished, expected) => {
    let before: StandingWeights = { ...NOTHING, startBlock: 0, weights: [{ uid: 1, hotkey: 'h1', weight: 1 }] };
    const missed = [300, 660, 7_500, 14_700].map((block) => {
      const { from, ...stands } = partOf({ now: null, before, unfinished, block, ...lengths });
      before = stands;
      return `${from} ${stands.missed}`;
    });
    expect(missed).toEqual(expected);
  },
);

test('a fault is over once somebody is trained on, or waits for that, unless it is of what trains', () => {
  const chain = new FlockOffError({ code: 'chain-unreachable', what: 'away', transient: true });
  const trainer = new FlockOffError({ code: 'trainer-failed', what: 'no device', transient: true });
  const events = [
    { kind: 'fetching', uid: 1, repo: 'a/b' },
    { kind: 'scoring', uids: [1] },
    { kind: 'training', uid: 1, progress: {} },
    { kind: 'evaluating', uid: 1, progress: {} },
    { kind: 'settled', uid: 1, outcome: { kind: 'postponed', by: 'trainer', message: 'no' } },
    { kind: 'settled', uid: 1, outcome: { kind: 'scored', lossNatsPerToken: 1 } },
  ] as ValidatorEvent[];
  expect(events.map((event) => getsOn(event, chain))).toEqual([false, true, true, true, false, true]);
  expect(events.map((event) => getsOn(event, trainer))).toEqual([false, false, true, true, false, true]);
});

test('the portion of the weights that stand is that of the last that were sent and count by then', () => {
  const sent: [number, number | null][] = [
    [400, 0.7],
    [760, 0.7],
    [1_120, 0.2],
    [1_480, null],
  ];
  const portions = sent.reduce(
    (all, [countsFrom, portion]) => withPortion(all, { countsFrom, portion }),
    NOTHING.portions,
  );
  expect([399, 400, 1_119, 1_120, 2_000].map((block) => portionIn(portions, block))).toEqual([
    ...[undefined, 0.7, 0.7, 0.2, null],
  ]);
  expect(portions).toHaveLength(3);
});

test('what was sent counts from the end of the epoch of the subnet in which it is on the chain and revealed at the latest', () => {
  const from = (block: number, more: object = {}, nextEpochBlock = 400) =>
    countsFromOf({ mode: 'set', block, ...more }, { nextEpochBlock, periodBlocks: 100 });
  expect([399, 400, 499, 500].map((block) => from(block))).toEqual([400, 500, 500, 600]);
  expect(from(390, { mode: 'timelock', revealFromBlock: 500, revealUntilBlock: 599 })).toBe(500);
  expect(from(390, { mode: 'commit', revealFromBlock: 500, revealUntilBlock: 599 })).toBe(600);
  expect(from(390, {}, Number.POSITIVE_INFINITY)).toBe(390);
});

test('a fault of the chain that all competitions meet at once interrupts them once; one that does not pass is told first', async () => {
  const errors: FlockOffError[] = [];
  const subtensor = {
    waitForBlock: async () => {
      throw errors.shift()!;
    },
  } as unknown as Validator['subtensor'];
  const competitions = ['a', 'b', 'c'].map((id) => ({
    validator: { competition: { id }, subtensor } as Validator,
    shares: [{ fromBlock: 0, share: 0.1 }],
  }));
  const players = new Players({ competitions });
  const fault = (what: string, transient = true) => new FlockOffError({ code: 'chain-unreachable', what, transient });
  const meets = async (...faults: FlockOffError[]) => {
    errors.push(...faults);
    return players.untilWeights().catch(messageOf);
  };
  expect(await meets(fault('first'), fault('first'), fault('first'))).toMatch('first');
  expect(await meets(fault('second'), fault('third', false), fault('second'))).toMatch('third');
  expect(await meets(fault('fourth'), fault('fourth'), fault('fourth'))).toMatch('fourth');
});

test.each([
  [true, [150, 190]],
  [false, [150]],
])('weights wait a little for a competition that stops for them, and for no other (%s)', async (isInTime, expected) => {
  const asked: number[] = [];
  const subtensor = {
    epoch: async () => ({ block: 100, epoch: 1, nextEpochBlock: 200, periodBlocks: 100 }),
    metagraph: async () => ({ block: 151 }),
    async waitForBlock({ block, signal }: { block: number; signal: AbortSignal }) {
      asked.push(block);
      if (block === 150) return block;
      // It is through before that.
      players.all[1]!.fail(new FlockOffError({ code: 'trainer-failed', what: 'no device' }));
      return abortable(new Promise<never>(() => {}), signal);
    },
  };
  const trainer = { score: () => {}, isInTime };
  const rules = { netuid: 7, blockThreshold: 50, subtensor, trainer };
  const players = new Players({
    competitions: ['a', 'b'].map((id) => ({
      validator: { ...rules, competition: { id } } as unknown as Validator,
      shares: [],
    })),
  });
  players.all[0]!.state = 'scored';
  players.all[1]!.state = 'working';
  expect(await players.untilWeights()).toMatchObject({ nextEpochBlock: 200, periodBlocks: 100 });
  expect(asked).toEqual(expected);
});

test('lines of the log say of which competition and epoch they are', () => {
  const lines: unknown[] = [];
  const push = (...line: unknown[]) => void lines.push(line);
  const logger = { ...silentLogger, debug: push, info: push, warn: push, error: push };
  const events: string[] = [];
  const [a, b] = ['a', 'b'].map((id) =>
    withOwnLog({ competition: { id }, logger, onEvent: ({ kind }) => void events.push(kind) } as Validator),
  );
  a!.onEvent?.({ kind: 'drawn', epochSeed: 1, hotkeys: [], block: 360, resumed: false });
  a!.logger!.info('one');
  b!.logger!.warn('other', { attempt: 2 });
  b!.logger!.error('third');
  a!.logger!.debug('detail');
  expect(lines).toEqual([
    ['competition a: one', { competition: 'a', epoch: 360 }],
    ['competition b: other', { competition: 'b', attempt: 2 }],
    ['competition b: third', { competition: 'b' }],
    ['detail', { competition: 'a', epoch: 360 }],
  ]);
  expect(events).toEqual(['drawn']);
});
