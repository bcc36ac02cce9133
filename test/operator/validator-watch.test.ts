import { FlockOffError, judgeHealth, snapshotsOf, snapshotText, ValidatorSnapshot, ValidatorWatch } from 'flock-off';
import { expect, test } from 'vitest';
import { finished, HOTKEY, manualClock, training } from './watched.ts';

function start() {
  const clock = manualClock();
  const watch = new ValidatorWatch({ netuid: 7, competition: '1', hotkey: HOTKEY, clock });
  return { clock, watch };
}

function intoTraining({ watch }: ReturnType<typeof start>) {
  watch.onEvent({ kind: 'drawn', epochSeed: 5, hotkeys: ['a', 'b', 'c', 'd'], block: 360, resumed: false });
  watch.onEvent({ kind: 'settled', uid: 4, outcome: { kind: 'postponed', by: 'hub', message: 'down' } });
  watch.onEvent({ kind: 'scoring', uids: [1, 2, 3] });
  watch.onEvent({ kind: 'settled', uid: 1, outcome: { kind: 'scored', lossNatsPerToken: 1 } });
  watch.onEvent(training(2, 40));
}

test('a snapshot is plain JSON that its schema takes, at every moment of an epoch', () => {
  const it = start();
  const isWhole = () => {
    const snapshot = it.watch.snapshot();
    expect(ValidatorSnapshot.parse(JSON.parse(JSON.stringify(snapshot)))).toEqual(snapshot);
  };
  isWhole();
  intoTraining(it);
  isWhole();
  it.watch.onEvent({ kind: 'waiting', block: 400, untilBlock: 410 });
  isWhole();
  it.watch.onEvent(finished(5));
  isWhole();
  it.watch.onEvent({ kind: 'interrupted', error: new Error('no'), delayMs: 5_000 });
  it.watch.ended();
  isWhole();
});

test('it tells which miner of how many is at, what is done for it, and when weights go out', () => {
  const it = start();
  intoTraining(it);
  it.watch.sawPosition({ block: 400, nextEpochBlock: 460 });
  it.clock.pass(12_000);
  const { now } = it.clock;
  const text = snapshotText(it.watch.snapshot(), now);
  expect(text).toContain('of block 360 for 12 s: miner 2 of 3');
  expect(text).toContain('uid 2: training 40/100, loss 1.250, 900 tokens/s');
  expect(text).toContain("block 400, 12 s ago; the subnet's epoch ends in 60 blocks (12 min)");
  it.watch.onEvent({ kind: 'waiting', block: 400, untilBlock: 410 });
  const at = new Date(now + 10 * 12_000 - 12_000).toTimeString().slice(0, 5);
  expect(snapshotText(it.watch.snapshot(), now)).toContain(`at block 410, in 10 blocks (2 min), at ${at}`);
});

test('a fault is told until the epoch goes on, and secrets in it are masked', () => {
  const clock = manualClock();
  const mask = (text: string) => text.replaceAll('hf_secret', '***');
  const watch = new ValidatorWatch({ netuid: 7, competition: '1', hotkey: HOTKEY, clock, mask });
  const error = new FlockOffError({ code: 'trainer-failed', what: 'hf_secret is lost', transient: true });
  watch.onEvent({ kind: 'interrupted', error, delayMs: 60_000 });
  expect(watch.snapshot().fault).toMatchObject({ code: 'trainer-failed', retryMs: clock.now + 60_000 });
  expect(watch.snapshot().fault!.message).toMatch(/^\*\*\* is lost/);
  expect(judgeHealth(watch.snapshot(), clock.now)).toMatchObject({ healthy: true, ready: false });
  watch.onEvent(training(1, 1));
  expect(watch.snapshot().fault).toBeNull();
});

test('the pace of the chain is measured once ten blocks were seen, and 12 s before', () => {
  const { watch, clock } = start();
  watch.sawPosition({ block: 100, nextEpochBlock: Number.POSITIVE_INFINITY });
  expect(watch.snapshot().chain).toMatchObject({ blockTimeMs: 12_000, nextEpochBlock: null });
  clock.pass(5_000);
  watch.sawPosition({ block: 120, nextEpochBlock: 200 });
  expect(watch.snapshot().chain!.blockTimeMs).toBe(250);
});

test('who listens and fails disturbs nobody', () => {
  const { watch } = start();
  const seen: string[] = [];
  watch.subscribe(() => {
    throw new Error('mine');
  });
  const stop = watch.subscribe(({ kind }) => seen.push(kind));
  watch.onEvent(training(1, 1));
  stop();
  watch.onEvent(training(1, 2));
  expect(seen).toEqual(['training']);
  expect(watch.snapshot().totals.trainingSteps).toBe(2);
});

test.each([
  ['nothing yet', () => {}, { healthy: true, ready: false }],
  ['all there', (it: ReturnType<typeof start>) => ready(it), { healthy: true, ready: true }],
  [
    'a chain that stands still',
    (it: ReturnType<typeof start>) => {
      ready(it);
      it.clock.pass(301_000);
    },
    { healthy: true, ready: false },
  ],
  [
    'a loop that stands still',
    (it: ReturnType<typeof start>) => {
      ready(it);
      it.clock.pass(2_401_000);
    },
    { healthy: false, ready: false },
  ],
  [
    'blocks that come while weights wait',
    (it: ReturnType<typeof start>) => {
      ready(it);
      it.watch.onEvent({ kind: 'drawn', epochSeed: 1, hotkeys: [], block: 90, resumed: false });
      it.watch.onEvent({ kind: 'waiting', block: 100, untilBlock: 400 });
      it.clock.pass(2_401_000);
      it.watch.sawPosition({ block: 300, nextEpochBlock: 400 });
    },
    { healthy: true, ready: true },
  ],
  [
    'blocks that come while one competition has failed, and the other waits for the weights',
    (it: ReturnType<typeof start>) => {
      ready(it);
      const other = it.watch.onEventOf('other');
      for (const tell of [it.watch.onEvent, other])
        tell({ kind: 'drawn', epochSeed: 1, hotkeys: [], block: 90, resumed: false });
      other({
        kind: 'interrupted',
        error: new FlockOffError({ code: 'trainer-failed', what: 'no set' }),
        delayMs: null,
      });
      it.watch.onEvent({ kind: 'waiting', block: 100, untilBlock: 400 });
      expect(snapshotText(it.watch.snapshot(), it.clock.now)).toContain('It is tried again with the next weights.');
      it.clock.pass(2_401_000);
      it.watch.sawPosition({ block: 300, nextEpochBlock: 400 });
    },
    { healthy: true, ready: false },
  ],
  ['an end', (it: ReturnType<typeof start>) => it.watch.ended(), { healthy: false, ready: false }],
])('health with %s', (_, happen, expected) => {
  const it = start();
  happen(it);
  expect(judgeHealth(it.watch.snapshot(), it.clock.now)).toMatchObject(expected);
});

function ready({ watch }: ReturnType<typeof start>) {
  watch.deviceOpened('tfjs-node');
  watch.sawPosition({ block: 100, nextEpochBlock: 400 });
}

test('a fault that weights met is over once they are sent, also where it was told of a competition without an epoch', () => {
  const { watch } = start();
  const other = watch.onEventOf('other');
  const error = new FlockOffError({ code: 'timeout', what: 'x' });
  other({ kind: 'drawn', epochSeed: 5, hotkeys: ['a'], block: 720, resumed: false });
  watch.onEvent({ kind: 'interrupted', error, delayMs: 5_000 });
  expect(judgeHealth(watch.snapshot(), 0).problems).toContain('competition 1 is interrupted (timeout)');
  other(finished(5));
  expect(watch.snapshot().fault).toBeNull();
});

test('a fault that is none of one competition is of all, until each goes on', () => {
  const watch = new ValidatorWatch({ netuid: 7, competition: ['chat', 'code'], hotkey: HOTKEY, clock: manualClock() });
  const told: unknown[] = [];
  watch.subscribe(({ kind }, competition) => told.push([kind, competition]));
  const [chat, code] = [watch.onEventOf('chat'), watch.onEventOf('code')];
  for (const one of [chat, code]) one({ kind: 'drawn', epochSeed: 5, hotkeys: ['a'], block: 720, resumed: false });
  chat(training(2, 40));
  const interrupted = { kind: 'interrupted', error: new FlockOffError({ code: 'timeout', what: 'x' }) } as const;
  chat({ ...interrupted, delayMs: 60_000, ofAll: true });
  expect(told.at(-1)).toEqual(['interrupted', null]);
  expect(watch.snapshot()).toMatchObject({ totals: { interruptions: 1 }, fault: { code: 'timeout' } });
  const interruptedIn = () =>
    judgeHealth(watch.snapshot(), 0).problems.filter((problem) => problem.includes('interrupted'));
  expect(interruptedIn()).toEqual(['chat', 'code'].map((id) => `competition ${id} is interrupted (timeout)`));
  // An epoch that goes on beside it is not stopped.
  expect(snapshotsOf(watch.snapshot())[0]).toMatchObject({ epoch: { work: [{ uid: 2 }] } });
  chat(training(2, 50));
  expect(interruptedIn()).toEqual(['competition code is interrupted (timeout)']);
  code({ ...interrupted, delayMs: 60_000 });
  expect(told.at(-1)).toEqual(['interrupted', 'code']);
});

test('of several competitions each has its epoch, its faults and its lines', () => {
  const clock = manualClock();
  const watch = new ValidatorWatch({ netuid: 7, competition: ['chat', 'code'], hotkey: HOTKEY, clock });
  const told: unknown[] = [];
  watch.subscribe(({ kind }, competition) => told.push([kind, competition]));
  const [chat, code] = [watch.onEventOf('chat'), watch.onEventOf('code')];
  code({ kind: 'drawn', epochSeed: 5, hotkeys: ['a'], block: 720, resumed: false });
  code(training(2, 40));
  chat({ kind: 'interrupted', error: new FlockOffError({ code: 'timeout', what: 'x' }), delayMs: 60_000 });
  // It goes on, which says nothing of the other.
  code(training(2, 50));
  chat({ kind: 'drawn', epochSeed: 5, hotkeys: ['b'], block: 360, resumed: true });
  chat({ kind: 'interrupted', error: new FlockOffError({ code: 'timeout', what: 'y' }), delayMs: 60_000 });
  code(training(2, 60));
  const snapshot = watch.snapshot();
  expect(ValidatorSnapshot.parse(JSON.parse(JSON.stringify(snapshot)))).toEqual(snapshot);
  expect(snapshot).toMatchObject({ competition: 'chat, code', epoch: { startBlock: 720 }, fault: { code: 'timeout' } });
  const [ofChat, ofCode] = snapshotsOf(snapshot);
  expect(ofChat).toMatchObject({
    competition: 'chat',
    epoch: { startBlock: 360, work: [] },
    fault: { code: 'timeout' },
  });
  expect(ofCode).toMatchObject({ competition: 'code', epoch: { startBlock: 720, work: [{ uid: 2 }] }, fault: null });
  const lines = snapshotText(snapshot, clock.now).split('\n');
  expect(lines.filter((line) => /^(competition|epoch|waits) /.test(line)).map((line) => line.slice(12))).toEqual([
    'chat',
    'of block 360 for 0 s: 1 miners drawn',
    expect.stringMatching(/^y.* It is tried again at /),
    'code',
    'of block 720 for 0 s: 1 miners drawn',
  ]);
  expect(told.at(-1)).toEqual(['training', 'code']);
});
