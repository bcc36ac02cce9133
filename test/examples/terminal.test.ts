import { type EpochEntry, type EpochReport, type Verdict, VerdictReason } from 'flock-off';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { commonOptions, subnetCommand } from '../../examples/options.ts';
import { reportTable } from '../../examples/report-table.ts';
import { showEvents } from '../../examples/terminal.ts';
import { runExample } from './run-example.ts';

// Read once, when the table's library is loaded.
vi.hoisted(() => {
  process.env.FORCE_COLOR = '1';
});

// Clears the screen, sets the title (C1), reverses what follows, forges a line, hides text.
const HOSTILE = 'a\u001b[2J\u009d0;t\u0007b\u202ec\nuid 9: d\r\u200be\u2028f';
const SHOWN = 'a\uFFFD[2J\uFFFD0;t\uFFFDb\uFFFDc\uFFFDuid 9: d\uFFFD\uFFFDe\uFFFDf';

afterEach(() => vi.restoreAllMocks());

describe("strangers' control characters do not reach the terminal", () => {
  test('in the lines about miners', () => {
    const lines: string[] = [];
    const show = showEvents({ say: (line) => lines.push(line) });
    const verdict = { reason: 'invalid-pointer' as const, message: HOSTILE };
    show({ kind: 'settled', uid: 3, outcome: { kind: 'rejected', verdict } });
    show({ kind: 'settled', uid: 4, outcome: { kind: 'postponed', by: 'hub', message: HOSTILE } });
    expect(lines).toEqual([`uid 3: invalid-pointer, ${SHOWN}`, `uid 4: postponed, ${SHOWN}`]);
  });

  test('in the cells of the report', () => {
    const entry = rejected({ pointer: HOSTILE, why: HOSTILE });
    const report = reportOf([entry]);
    const table = reportTable(report);
    expect(table.replaceAll('\n', '')).not.toMatch(/\p{C}/u);
    const harmless = reportTable(reportOf([{ ...entry, pointer: SHOWN, why: SHOWN }]));
    expect(table.split('\n').length).toBe(harmless.split('\n').length);
    expect(table).toContain('a\uFFFD[2J');
  });

  test('in the log', () => {
    const written = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const { logger } = commonOptions(subnetCommand('any', '').parse(['--logging.trace'], { from: 'user' }));
    logger.warn(HOSTILE, { said: HOSTILE });
    expect(written.mock.calls[0]![0]).toMatch(/^[^\p{C}]+\n$/u);
  });

  test('in the sentence a script ends with', async () => {
    const { stderr } = await runExample('miner.ts', [
      ...['--netuid', '2', '--hf_repo_id', 'ann/chats', '--dataset_path', 'data.jsonl'],
      ...['--wallet.path', 'none\u001b[2J\u202e'],
    ]);
    expect(stderr).toMatch(/^there is no key file at none\uFFFD\[2J\uFFFD[^\p{C}]*\n$/u);
  });
});

describe('the report fits the screen', () => {
  const why = '4 of 8 lines are no rows: line 2 and 1 more like it (8): not JSON, and more of the same';
  const entries = VerdictReason.options.map((reason, uid) =>
    rejected({ uid, pointer: `an-organisation/with-a-very-long-name-of-a-dataset-${uid}:1:0`, why, reason }),
  );

  test.each([200, 140, 120, 100, 80, 60])('of %i columns, with every verdict in full', (columns) => {
    const table = reportTable(reportOf(entries), columns, false);
    for (const line of table.split('\n')) expect(line.length).toBeLessThanOrEqual(columns);
    for (const reason of VerdictReason.options) expect(table).toContain(` ${reason} `);
    expect(table.replace(/[\s│]+/g, ' ')).toContain('and more of the same');
  });

  test('of 20 columns as sentences, which a terminal breaks by itself', () => {
    expect(reportTable(reportOf(entries.slice(0, 1)), 20, false)).toMatch(
      /^uid 0: an-organisation\/.+, weight 0\.0000: 4 of/,
    );
  });

  test('in colour on a terminal that has them', () => {
    expect(reportTable(reportOf(entries), 80, true)).toContain('\u001b[');
    expect(reportTable(reportOf(entries), 80, false)).not.toContain('\u001b[');
  });
});

function rejected(parts: Partial<EpochEntry> & { reason?: VerdictReason } = {}): EpochEntry {
  const { reason = 'invalid-pointer', ...entry } = parts;
  return {
    uid: 3,
    hotkey: 'irrelevant',
    pointer: null,
    rows: null,
    leftOut: null,
    outcome: { kind: 'rejected', verdict: { reason, message: '' } as Verdict },
    score: null,
    weight: 0,
    why: '',
    ...entry,
  };
}

function reportOf(entries: EpochEntry[]): EpochReport {
  return {
    netuid: 96,
    competition: '1',
    policy: { name: 'win-rates', parameters: {} },
    epochSeed: 1,
    startBlock: 1,
    seedBlock: 4,
    ledger: { sinceBlock: 1, ledgerFrom: null },
    trainer: {
      backend: { name: 'cpu', packageVersion: '4.22.0', libraryVersion: null, cuda: false },
      precision: { matmul: 'float32', xla: false, reason: 'the model is small' },
      weightStorage: { dtype: 'float32', mapped: false, reason: 'the model is small' },
      baseSha256: '0'.repeat(64),
    },
    hints: [],
    baselineLossNatsPerToken: null,
    entries,
    receipt: null,
    notSent: 'no weights were sent',
  };
}
