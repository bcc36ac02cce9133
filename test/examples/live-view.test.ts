import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { wrapped } from '../../examples/wrapped.ts';
import { onTerminal, type TerminalRun } from './on-terminal.ts';

const SUBNET = [process.execPath, '--import', 'tsx', 'examples/subnet.ts'];
const FRESH_LINE = '\r\u001b[K';
const DRAWN = /^(miner \d of \d, )?uid \d: (training|evaluating)/;

/** What stands on the screen in the end, and every state that its last line has had meanwhile. */
function screenOf({ output }: TerminalRun): { lines: string[]; live: string[] } {
  const rows = output.replaceAll('\r\n', '\n').split('\n');
  const drawn = rows.map((row) => row.split(FRESH_LINE).map((part) => stripVTControlCharacters(part)));
  return {
    lines: drawn.map((parts) => parts.at(-1)!),
    live: drawn.flatMap((parts) => parts.slice(0, -1)).filter(Boolean),
  };
}

/** The terminal breaks a word that is longer than it is wide by itself. */
const isWord = (line: string) => !line.trim().includes(' ');

function requireFit(run: TerminalRun, columns: number) {
  const screen = screenOf(run);
  for (const line of screen.lines) if (!isWord(line)) expect(line.length, line).toBeLessThanOrEqual(columns);
  for (const line of screen.live) expect(line.length, line).toBeLessThan(columns);
  expect(screen.lines.filter((line) => DRAWN.test(line))).toEqual([]);
  return screen;
}

test.each([80, 20])(
  'a whole run on a terminal of %i columns: every line fits, and nothing is left of the live one',
  async (columns) => {
    const run = await onTerminal({ command: SUBNET, interrupts: [], withinMs: 0, columns });
    expect(run, run.output).toMatchObject({ exitCode: 0, left: [] });
    const { lines, live } = requireFit(run, columns);
    const trained = live.filter((line) => DRAWN.test(line));
    expect(new Set(trained).size, live.join('\n')).toBeGreaterThan(columns === 20 ? 1 : 10);
    if (columns === 80) expect(trained.some((line) => /miner \d of \d.* loss \d.* left/.test(line))).toBe(true);
    expect(lines.join('\n')).toMatch(/uid 1/);
    expect(run.output.slice(run.output.lastIndexOf(FRESH_LINE))).not.toMatch(/training|evaluating|loading/);
    expect(run.output).not.toContain('\u001b[?25l');
  },
  180_000,
);

test('Ctrl-C in the middle of it ends it at once, with an empty last line, on one of 140 columns', async () => {
  const interrupts = [{ how: 'ctrl-c' as const, afterMs: 200 }];
  const run = await onTerminal({
    command: SUBNET,
    interrupts,
    afterText: ': training',
    withinMs: 15_000,
    columns: 140,
  });
  expect(run, run.output).toMatchObject({ exitCode: 130, interrupted: true, left: [] });
  // A step may be running.
  expect(run.tookMs).toBeLessThan(3_000);
  const { live } = requireFit(run, 140);
  expect(live.some((line) => /^miner \d of \d, uid \d: training [█░]+ \d+\/24 steps, loss \d/.test(line))).toBe(true);
}, 180_000);

test('lines are broken between words, under the words; what is longer than a line stays whole', () => {
  expect(wrapped(`10:15:18 noise: uploaded to local/noise at ${'a'.repeat(40)} now`, 60)).toBe(
    `10:15:18 noise: uploaded to local/noise at\n         ${'a'.repeat(40)} now`,
  );
  expect(wrapped('10:15:18 a few words', 12)).toBe('10:15:18 a\nfew words');
  expect(wrapped(`see ${'b'.repeat(30)}`, 20)).toBe(`see\n${'b'.repeat(30)}`);
  expect(wrapped('short\n\nlines', 20)).toBe('short\n\nlines');
});
