import { type ValidatorEvent, ValidatorWatch } from 'flock-off';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Status, type StatusParameters, type Ticker } from '../../examples/status.ts';
import { type StatusLineParameters, statusLine } from '../../examples/status-line.ts';
import { showEvents } from '../../examples/terminal.ts';

/** Time that goes on when it is told to. */
class ManualTicker implements Ticker {
  #nowMs = Date.UTC(2026, 0, 2, 3, 4, 5);
  readonly #calls = new Map<() => void, { intervalMs: number; dueMs: number }>();

  nowMs = () => this.#nowMs;

  every = (intervalMs: number, call: () => void) => {
    this.#calls.set(call, { intervalMs, dueMs: this.#nowMs + intervalMs });
    return () => void this.#calls.delete(call);
  };

  pass(ms: number): void {
    for (const end = this.#nowMs + ms; this.#nowMs < end; this.#nowMs += 1_000) {
      for (const [call, timer] of this.#calls) {
        if (timer.dueMs > this.#nowMs) continue;
        timer.dueMs += timer.intervalMs;
        call();
      }
    }
  }
}

const MINUTE = 60_000;
function start(parameters: StatusParameters = {}) {
  const ticker = new ManualTicker();
  const lines: string[] = [];
  const status = new Status({ print: (line) => lines.push(line), isTerminal: false, ticker, ...parameters });
  return { ticker, lines, status };
}

/** Between two lines, or a line and an end. */
function longestSilenceMs(lines: string[], fromMs: number, toMs: number): number {
  const times = [fromMs, ...lines.map((line) => Date.parse(line.split(' ')[0]!)), toMs];
  return Math.max(...times.slice(1).map((time, i) => time - times[i]!));
}

const training = (step: number): ValidatorEvent => ({
  kind: 'training',
  uid: 3,
  progress: {
    step,
    steps: 1_000,
    epoch: 0,
    lossNatsPerToken: 1.25,
    learningRate: 0,
    gradNorm: 1,
    tokensPerSecond: 900,
    etaMs: 0,
  },
});

describe('without a terminal', () => {
  test('every line of an event begins with date and time', () => {
    const { lines, status } = start();
    status.say('uid 3: downloading a/b');
    status.show('a table');
    expect(lines).toEqual(['2026-01-02T03:04:05.000Z uid 3: downloading a/b', 'a table']);
  });

  test.each<[string, (show: (event: ValidatorEvent) => void) => void, RegExp]>([
    [
      'training',
      (show) => show(training(120)),
      /uid 3: training 120\/1000 steps, loss 1\.250, 900 tokens\/s, for 4 min now$/,
    ],
    [
      'evaluating',
      (show) => show({ kind: 'evaluating', uid: 3, progress: { rowsDone: 40, rows: 200 } }),
      /uid 3: evaluating 40\/200 rows, for/,
    ],
    ['downloading', (show) => show({ kind: 'fetching', uid: 3, repo: 'a/b' }), /uid 3: downloading a\/b, for/],
    [
      'waiting',
      (show) => show({ kind: 'waiting', block: 5, untilBlock: 90 }),
      /waiting for block 90 0\/85 blocks, for/,
    ],
    ['anything else', () => {}, /at work$/],
  ])('a run says at least one line a minute while it is %s', (_what, begin, words) => {
    const { ticker, lines, status } = start();
    const fromMs = ticker.nowMs();
    begin(showEvents(status));
    ticker.pass(10 * MINUTE);
    expect(longestSilenceMs(lines, fromMs, ticker.nowMs())).toBeLessThanOrEqual(MINUTE);
    expect(lines.filter((line) => words.test(line)).length, lines.join('\n')).toBeGreaterThan(0);
    expect(lines.length).toBeLessThan(15);
  });

  test('progress comes with what is left, and nothing is added where enough is said', () => {
    const { ticker, lines, status } = start();
    const show = showEvents(status);
    for (let step = 1; step <= 150; step++) {
      show(training(step));
      ticker.pass(2_000);
    }
    expect(lines[1]).toMatch(/training 2\d\/1000 steps, loss 1\.250, 900 tokens\/s, 3\d min left, for 5\d s now$/);
    expect(lines.length).toBeLessThanOrEqual(8);
    for (let i = 0; i < 10; i++) {
      status.say('something');
      ticker.pass(30_000);
    }
    expect(lines.slice(-10).every((line) => line.endsWith('something'))).toBe(true);
  });

  test('a closed status is silent', () => {
    const { ticker, lines, status } = start();
    status.close();
    ticker.pass(10 * MINUTE);
    expect(lines).toEqual([]);
  });
});

describe('on a terminal', () => {
  afterEach(() => vi.restoreAllMocks());

  test('what is done stands in the last line, which no line of an event runs into', () => {
    const written = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    const { ticker, lines, status } = start({
      print: (line) => void process.stdout.write(`${line}\n`),
      isTerminal: true,
    });
    status.doing('uid 3: training', { at: 10, of: 20, unit: 'steps', more: ['loss \u001b[2J'] });
    ticker.pass(MINUTE);
    status.say('an event');
    status.close();
    const text = written.mock.calls.map(([chunk]) => chunk).join('');
    expect(text).toContain(`\r\u001b[Kuid 3: training ${'█'.repeat(10)}${'░'.repeat(10)} 10/20 steps, loss \uFFFD[2J`);
    expect(text.replaceAll('\u001b', 'ESC')).toMatch(/\rESC\[K\d\d:\d\d:\d\d an event\n/);
    expect(text.endsWith('\r\u001b[K')).toBe(true);
    expect(text).not.toContain('\u001b[?25l');
    expect(lines).toEqual([]);
  });
});

describe('the line of what is done', () => {
  const parts: StatusLineParameters = {
    ...{ what: 'uid 3: training', place: 'miner 4 of 7', next: 'weights at 14:32', left: '12 min left' },
    progress: { at: 120, of: 1_000, unit: 'steps', more: ['loss 1.250', '900 tokens/s'] },
  };

  test.each([
    [
      140,
      'miner 4 of 7, uid 3: training ██░░░░░░░░░░░░░░░░░░ 120/1000 steps, loss 1.250, 900 tokens/s, 12 min left; weights at 14:32',
    ],
    [100, 'miner 4 of 7, uid 3: training █░░░░░░░░░ 120/1000 steps, loss 1.250, 12 min left; weights at 14:32'],
    [80, 'miner 4 of 7, uid 3: training 120/1000, loss 1.250, 12 min left'],
    [40, 'uid 3: training 120/1000, 12 min left'],
    [20, 'uid 3: training 120/'],
  ])('fits %i columns with what matters most', (columns, line) => {
    expect(statusLine(parts, columns)).toBe(line);
  });

  test.each([
    [-5, 10],
    [5, 0],
    [0, 0],
    [-5, 0],
    [30, 10],
    [Number.NaN, 10],
  ])('has a bar for %i of %i, which nobody counts on', (at, of) => {
    expect(statusLine({ what: 'waiting', progress: { at, of, unit: 'blocks' } }, 140)).toMatch(/^waiting [█░]{20} /);
  });

  test('a block before the one that was waited from, or after the last, is shown as none or all', () => {
    const { lines, ticker, status } = start();
    const show = showEvents(status);
    show({ kind: 'waiting', block: 90, untilBlock: 5 });
    ticker.pass(MINUTE);
    expect(lines.at(-1)).toContain('waiting for block 5 0/0 blocks');
    show({ kind: 'waiting', block: 5, untilBlock: 90 });
    for (const [block, said] of [
      [1, '0/85'],
      [100, '85/85'],
    ] as const) {
      show({ kind: 'block', block });
      ticker.pass(MINUTE);
      expect(lines.at(-1)).toContain(`waiting for block 90 ${said} blocks`);
    }
  });

  test('tells which miner it is and when weights go out, from what the validator does', () => {
    const { ticker, lines, status } = start();
    const watch = new ValidatorWatch({ netuid: 7, competition: '1', hotkey: '5x', clock: ticker });
    watch.subscribe(showEvents({ say: () => {}, doing: status.doing, watch, blockThreshold: 50 }));
    watch.sawPosition({ block: 400, nextEpochBlock: 460 });
    watch.onEvent({ kind: 'drawn', epochSeed: 1, hotkeys: ['a', 'b'], block: 360, resumed: false });
    watch.onEvent({ kind: 'scoring', uids: [2, 3] });
    watch.onEvent({ kind: 'settled', uid: 2, outcome: { kind: 'scored', lossNatsPerToken: 1 } });
    watch.onEvent(training(10));
    const atMs = ticker.nowMs() + 10 * 12_000;
    ticker.pass(MINUTE);
    const at = new Date(atMs).toTimeString().slice(0, 5);
    expect(lines.at(-1)).toContain(
      `miner 2 of 2, uid 3: training 10/1000 steps, loss 1.250, 900 tokens/s; weights at ${at}`,
    );
  });

  test('counts the blocks that weights wait for as they come', () => {
    const { ticker, lines, status } = start();
    const watch = new ValidatorWatch({ netuid: 7, competition: '1', hotkey: '5x', clock: ticker });
    watch.subscribe(showEvents({ ...status, say: status.say, doing: status.doing, watch }));
    watch.onEvent({ kind: 'drawn', epochSeed: 1, hotkeys: [], block: 360, resumed: false });
    watch.onEvent({ kind: 'waiting', block: 400, untilBlock: 410 });
    expect(lines.at(-1)).toMatch(/block 400: weights are sent at block 410, in 10 blocks \(2 min\)$/);
    watch.sawPosition({ block: 404, nextEpochBlock: 460 });
    ticker.pass(MINUTE);
    expect(lines.at(-1)).toContain('waiting for block 410 4/10 blocks');
  });
});
