import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { explainMiner } from '../../src/cli/explain/explanation.ts';
import { explanationText } from '../../src/cli/explain/explanation-text.ts';
import type { ReplayOutput } from '../../src/cli/replay/replay-output.ts';
import { ReportReader } from '../../src/page/report-reader.ts';
import { TrainingRuns } from '../../src/page/training-runs.ts';
import { runCommand } from '../../src/setup/run-command.ts';
import type { Receipt } from '../../src/validator/receipts/receipt.ts';
import { closeMachine, type Machine, openMachine } from '../validator/miners.ts';
import { makeReceipts } from '../validator/receipts/made-receipts.ts';
import { type RealReceipts, realReceipts } from '../validator/receipts/real-receipts.ts';

const CLI = fileURLToPath(new URL('../../src/cli/index.ts', import.meta.url));
let machine: Machine;
let real: RealReceipts;
let folder: string;
let hotkeys: string[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flock-off-explain-'));
  hotkeys = await makeReceipts({ folder, epochs: 9, miners: 256 });
  machine = await openMachine();
  real = await realReceipts({ machine, epochs: 2 });
}, 240_000);
afterAll(async () => {
  await real?.miners.close();
  closeMachine(machine);
  await rm(folder, { recursive: true, force: true });
});

function run(...args: string[]) {
  return runCommand({
    command: process.execPath,
    args: ['--import', import.meta.resolve('tsx'), CLI, ...args],
    cwd: folder,
    env: process.env,
    timeoutMs: 60_000,
  });
}

const receiptOf = async (block: number) =>
  JSON.parse(await readFile(join(folder, 'reports', `epoch-${block}.json`), 'utf8')) as Receipt;

describe('explain', () => {
  test('a page in plain sentences, beside a validator that has its state open', async () => {
    const { code, stdout, stderr } = await run('explain', '1', '--data_dir', real.miners.folder);
    expect([code, stderr]).toEqual([0, '']);
    const text = stdout.replace(/\n +/g, ' ');
    expect(text).toMatch(
      /^Miner {6}uid 1, hotkey 5\w+\nAs of {6}the report of block \d+ \(.* UTC\), policy win-rates\n/,
    );
    expect(text).toMatch(
      /Dataset {4}u\/ben:1:[0-9a-f]{40}, committed in block \d+\. It has 8 rows, of which 6 are trained on\./,
    );
    expect(text).toMatch(
      /Result {5}loss \d+\.\d{4} nats per token; the base model alone has \d+\.\d{4}\. It won \d of 2 comparisons/,
    );
    expect(text).toMatch(
      /Left out {3}2 rows that others showed earlier \(2 of uid 0\)\. Line 7 is line 1 of uid 0, shown in block \d+ \(100 % alike\)\./,
    );
    expect(text).toMatch(
      /Rivals {5}(beats 1 and loses to 0|beats 0 and loses to 1|beats 0 and loses to 0) of 1 other: .* uid 0: loss/,
    );
    expect(text).toMatch(/Average {4}0\.\d{4} \(before: 0\.\d{4}\), which is 0\.\d{4} of all averages\./);
    expect(text).toContain('Next       it is evaluated in every epoch: there are places for all.');
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);

    const copy = await run('explain', '2', '--data_dir', join(real.miners.folder, 'reports'));
    expect(copy.stdout.replace(/\n +/g, ' ')).toMatch(
      /Result {5}refused as duplicate: rows left out: 6 shown earlier by uid 0/,
    );
    const bad = await run('explain', '3', '--data_dir', real.miners.folder, '--json');
    expect(JSON.parse(bad.stdout)).toMatchObject({ version: 1, uid: 3, next: { kind: 'never' }, comparisons: [] });
  }, 120_000);

  test('the way from the average to the weight is that of the validator, and the gaps are those of the losses', async () => {
    const receipt = await receiptOf(1440);
    const eligible = new Set(receipt.entries.flatMap(({ uid, score }) => (score === null ? [] : uid)));
    expect(eligible.size).toBeGreaterThan(10);
    for (const { hotkey, weight, score, outcome } of receipt.entries) {
      const { shares, comparisons } = explainMiner([receipt], hotkey);
      expect(shares).toMatchObject({ average: receipt.inputs.weighed.averages[hotkey], weight });
      expect(comparisons).toHaveLength(31);
      // Those that do not beat the base model are nobody's rivals in the epoch; the others have beaten it.
      const rivals = comparisons.filter(({ uid }) => eligible.has(uid!));
      const beaten = rivals.filter(({ winner }) => winner === 'this').length;
      if (score !== null) expect(score).toBeCloseTo((beaten + 1) / (rivals.length + 1), 9);
      if (outcome.kind === 'scored')
        for (const { lossNatsPerToken, wasEarlier, winner } of comparisons)
          if (winner === 'other' && !wasEarlier) expect(lossNatsPerToken).toBeLessThan(outcome.lossNatsPerToken);
    }
  });

  test('who was not drawn is told when it will be, and that comes true', async () => {
    const after = await Promise.all([720, 1080, 1440, 1800, 2160, 2520, 2880, 3240].map(receiptOf));
    const first = await receiptOf(360);
    let told = 0;
    for (const hotkey of hotkeys) {
      const { next } = explainMiner([first], hotkey);
      if (next.kind !== 'drawn' || next.withinEpochs === null) throw new Error(next.kind);
      // 256 miners are gone through once, 32 in an epoch; then 8 places go to those who have waited longest.
      expect(next.withinEpochs).toBe(first.inputs.epoch.hotkeys.includes(hotkey) ? 11 : 7);
      if (next.withinEpochs > after.length) continue;
      const at = after.findIndex(({ inputs }) => inputs.epoch.hotkeys.includes(hotkey));
      expect(at, hotkey).not.toBe(-1);
      expect(at + 1).toBeLessThanOrEqual(next.withinEpochs);
      told++;
    }
    expect(told).toBe(224);
    expect(explanationText(explainMiner([first], '200'))).toMatch(/is evaluated\s+within \d epochs at the latest\./);
  }, 120_000);

  test('where no places go to those who have waited longest, no epoch is the latest', async () => {
    const first = await receiptOf(360);
    first.inputs.competition.policy.parameters.draw = { topShare: 0.25, randomShare: 0.75, rankScale: 32 };
    const explanation = explainMiner([first], first.inputs.epoch.hotkeys[0]!);
    expect(explanation.next).toMatchObject({ kind: 'drawn', withinEpochs: null });
    const text = explanationText(explanation).replace(/\n +/g, ' ');
    expect(text).toMatch(
      /Next {7}it has a chance of about \d+ % .*; no places go to those who have waited longest, so/,
    );
    expect(text).not.toContain('\u221e');
  });

  test('a hint names the other, and says that nobody is refused for it', async () => {
    const receipt = await receiptOf(1440);
    receipt.hints = [{ uids: [7, 9], hotkeys: [hotkeys[7]!, hotkeys[9]!], correlation: 0.987, rows: 100 }];
    const text = explanationText(explainMiner([receipt], '9')).replace(/\n +/g, ' ');
    expect(text).toContain(
      'Hint       its losses move with those of uid 7 over 100 evaluation rows (correlation 0.987)',
    );
    expect(text).toContain('Nobody is refused for it.');
    expect(explanationText(explainMiner([receipt], '8'))).not.toContain('Hint');
  });

  test('nobody of that name, no reports, and a damaged report among others', async () => {
    const nobody = await run('explain', '999', '--data_dir', '.');
    expect([nobody.code, nobody.stderr]).toEqual([2, expect.stringContaining('nobody had the uid or hotkey 999')]);
    const empty = await run('explain', '1', '--data_dir', 'nowhere');
    expect([empty.code, empty.stderr]).toEqual([2, expect.stringContaining('holds no report of an epoch')]);
    const copy = await mkdtemp(join(tmpdir(), 'flock-off-damaged-'));
    await cp(join(folder, 'reports'), copy, { recursive: true });
    const path = join(copy, 'epoch-3240.json');
    await writeFile(path, (await readFile(path, 'utf8')).slice(0, 1_000));
    const { code, stdout } = await run('explain', '1', '--data_dir', copy);
    expect(code).toBe(0);
    expect(stdout).toContain('the report of block 2880');
    expect(stdout).toContain('epoch-3240.json was left out: the file is cut off');
    await rm(copy, { recursive: true });
  }, 120_000);

  test.each<[string, (receipt: Receipt) => void]>([
    ['entries', (receipt) => Object.assign(receipt, { entries: [null] })],
    ['outcomes', (receipt) => Object.assign(receipt.entries[0]!, { outcome: null })],
    ['averages', (receipt) => Object.assign(receipt.inputs.weighed, { averages: null })],
  ])(
    'a report before the last one without %s is left out',
    async (_, change) => {
      const copy = await mkdtemp(join(tmpdir(), 'flock-off-damaged-'));
      await cp(join(folder, 'reports'), copy, { recursive: true });
      const receipt = await receiptOf(2880);
      change(receipt);
      await writeFile(join(copy, 'epoch-2880.json'), JSON.stringify(receipt));
      const { code, stdout } = await run('explain', '1', '--data_dir', copy);
      expect(code).toBe(0);
      expect(stdout).toContain('epoch-2880.json was left out: it lacks what a report has');
      await rm(copy, { recursive: true });
    },
    60_000,
  );
});

test.each(['explain', 'replay'])(
  'the help of %s says that it verifies no signature',
  async (command) => {
    const { code, stdout } = await run(command, '--help');
    expect(code).toBe(0);
    expect(stdout).toContain('does not verify signatures: flock-off audit does');
  },
  60_000,
);

describe('replay', () => {
  const outputOf = async (...args: string[]) =>
    JSON.parse((await run('replay', ...args, '--json')).stdout) as ReplayOutput;
  const replayed = async (...args: string[]) => {
    const { competitions } = await outputOf('reports', ...args);
    expect(competitions).toMatchObject([{ competition: '1', netuid: 7, signer: expect.stringMatching(/^5/) }]);
    return competitions[0]!;
  };

  test('under the same policy it gives the same weights, to the last bit', async () => {
    const { epochs, policy } = await replayed();
    expect(policy).toBe('win-rates');
    expect(epochs.map(({ startBlock }) => startBlock)).toEqual([360, 720, 1080, 1440, 1800, 2160, 2520, 2880, 3240]);
    for (const { weights, actionBefore, action } of epochs) {
      expect([actionBefore, action]).toEqual(['set', 'set']);
      expect(weights.length).toBeGreaterThan(30);
      for (const { before, after } of weights) expect(after).toBe(before);
    }
  }, 60_000);

  test('other parameters move weights, each epoch going on from its own', async () => {
    const { epochs, parameters } = await replayed('--set', 'temperature=1', 'consensusShare=0');
    expect(parameters).toMatchObject({ temperature: 1, consensusShare: 0, stepPortion: 0.2 });
    for (const { weights } of epochs) {
      expect(weights.reduce((sum, { after }) => sum + after, 0)).toBeCloseTo(1, 9);
      expect(weights.some(({ before, after }) => Math.abs(before - after) > 1e-3)).toBe(true);
    }
    const { stdout, code } = await run('replay', 'reports/epoch-360.json', '--set', 'temperature=1');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^competition 1 on subnet 7, reports of 5\w+\nwin-rates: weights as they were, and as they would have been\n\nblock 360: \d+\.\d\d % of the weight moves\n {4}uid {7}old {7}new {4}change\n/,
    );
  }, 60_000);

  /** Reports as a validator of another competition would have left them, in a folder that has the ones before or has not. */
  async function leaveAs(competition: string, blocks: number[], to: string, hasBefore = false) {
    await mkdir(join(folder, to), { recursive: true });
    for (const block of blocks) {
      const receipt = await receiptOf(block);
      receipt.competition = receipt.inputs.competition.id = competition;
      if (!hasBefore) receipt.previous = null;
      const text = JSON.stringify(receipt).replaceAll(':1:', `:${competition}:`);
      await writeFile(join(folder, to, `epoch-${block}.json`), text);
    }
  }
  const copyTo = async (to: string, blocks: number[]) => {
    for (const name of blocks.map((block) => `epoch-${block}.json`))
      await cp(join(folder, 'reports', name), join(folder, to, name));
  };

  test('of several folders each competition has a table, wherever its reports lie', async () => {
    await copyTo('old/reports', [360, 720, 1080, 1440]);
    // Some were copied when the folder moved.
    await copyTo('new/competitions/1/reports', [1080, 1440, 1800, 2160, 2520, 2880, 3240]);
    await leaveAs('code', [720, 1080, 1440], 'new/competitions/code/reports');
    const other = ['--set', 'temperature=1'];
    const { competitions } = await outputOf('new', 'old', ...other);
    expect(competitions.map(({ competition }) => competition)).toEqual(['1', 'code']);
    expect(competitions[0]).toEqual(await replayed(...other));
    expect(competitions[1]).toEqual({
      ...(await outputOf('new/competitions/code', ...other)).competitions[0],
      epochs: [720, 1080, 1440].map((startBlock) => expect.objectContaining({ startBlock })),
    });
    const { code, stdout } = await run('replay', 'old', 'new');
    expect(code).toBe(0);
    const tables = stdout.split(/(?=^competition )/m);
    expect(tables.map((table) => table.match(/^(competition \S+|block \d+)/gm))).toEqual([
      ['competition 1', ...[1, 2, 3, 4, 5, 6, 7, 8, 9].map((epoch) => `block ${360 * epoch}`)],
      ['competition code', 'block 720', 'block 1080', 'block 1440'],
    ]);
  }, 120_000);

  test('where the competition was changed for another, reports go on in the chain of then', async () => {
    await copyTo('changed', [360, 720, 1080]);
    await leaveAs('2', [1440, 1800], 'changed', true);
    const { competitions } = await outputOf('changed', '--set', 'temperature=1');
    const { epochs } = await replayed('--set', 'temperature=1');
    expect(competitions).toMatchObject([{ competition: '2', epochs: epochs.slice(0, 5) }]);
  }, 60_000);

  test('two reports of one epoch are not taken for two epochs', async () => {
    await copyTo('twice', [360, 720]);
    const other = await receiptOf(720);
    other.inputs.durationMs++;
    await writeFile(join(folder, 'other-720.json'), JSON.stringify(other));
    const { code, stdout, stderr } = await run('replay', 'twice', 'other-720.json');
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(
      /^twice\/epoch-720\.json and other-720\.json are different reports of block 720 of one competition\. Leave/,
    );
  }, 60_000);

  test('another policy, shipped or from a file', async () => {
    const curve = await replayed('--policy', 'benchmark-curve', '--set', 'bench=2.5', 'minb=1', 'maxb=4');
    expect(curve.policy).toBe('benchmark-curve');
    await writeFile(
      join(folder, 'first.mjs'),
      `import { winRatesPolicy } from '${new URL('../../src/policy/win-rates.ts', import.meta.url)}';
      export default { ...winRatesPolicy(), name: 'first', parameters: {}, weigh: ({ contestants, neurons, memory, previous }) => ({
        weights: [{ uid: neurons.find(({ hotkey }) => hotkey === contestants[0].hotkey).uid, weight: 1 }],
        averages: previous, memory: Number(memory) + 1 }) };`,
    );
    const { epochs } = await replayed('--policy', 'first.mjs');
    expect(epochs[3]!.weights.filter(({ after }) => after > 0)).toHaveLength(1);
  }, 60_000);

  test('a function in a file is called with the parameters in the competition, changed by --set', async () => {
    await writeFile(
      join(folder, 'made.mjs'),
      `import { winRatesPolicy } from '${new URL('../../src/policy/win-rates.ts', import.meta.url)}';
      export default (parameters) => ({ ...winRatesPolicy(parameters), name: 'made', parameters });`,
    );
    const { policy, parameters } = await replayed('--policy', 'made.mjs', '--set', 'temperature=1');
    expect(policy).toBe('made');
    expect(parameters).toMatchObject({ temperature: 1, earlierAdvantage: 0.04, stepPortion: 0.2 });
  }, 60_000);

  test("reports under the operator's own policy are not replayed under another without a word", async () => {
    const own = await receiptOf(720);
    own.policy.name = 'mine';
    await writeFile(join(folder, 'own.json'), JSON.stringify(own));
    const { code, stdout, stderr } = await run('replay', 'reports/epoch-360.json', 'own.json');
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(
      'the report of block 720 of competition "1" has the policy "mine", and the competition names "win-rates". Pass --policy',
    );
    expect((await run('replay', 'own.json', '--policy', 'win-rates')).code).toBe(0);
  }, 60_000);

  test.each([
    ['throws', "() => { throw new Error('no') }", /throws: no \(in weigh\)/],
    [
      'gives NaN',
      '({ neurons }) => ({ weights: [{ uid: neurons[0].uid, weight: NaN }], averages: {} })',
      /cannot be used/,
    ],
    [
      'gives less than nothing',
      '({ neurons }) => ({ weights: [{ uid: neurons[0].uid, weight: -1 }], averages: {} })',
      /cannot be used/,
    ],
    [
      'weighs whom nobody knows',
      '() => ({ weights: [{ uid: 60000, weight: 1 }], averages: {} })',
      /uid 60000, which is nobody's/,
    ],
    ['takes for ever', '() => { for (;;); }', /has no answer after 5 seconds/],
    ['promises', 'async () => ({ weights: [], averages: {} })', /cannot be used|promise/],
  ])(
    'a policy that %s ends with one sentence and exit code 3',
    async (_, weigh, sentence) => {
      await writeFile(
        join(folder, 'bad.mjs'),
        `import { winRatesPolicy } from '${new URL('../../src/policy/win-rates.ts', import.meta.url)}';
      export default { ...winRatesPolicy(), name: 'bad', weigh: ${weigh} };`,
      );
      const { code, stdout, stderr } = await run('replay', 'reports/epoch-360.json', '--policy', 'bad.mjs');
      expect([code, stdout]).toEqual([3, '']);
      expect(stderr).toMatch(sentence);
      expect(stderr.trim().split('\n')).toHaveLength(1);
    },
    60_000,
  );

  test('what is no policy, no parameter and no report ends with 2 or 3', async () => {
    for (const [args, sentence] of [
      [['--set', 'temprature=1'], /policy of competition "1" cannot have these parameters: .*temprature/],
      [['--set', 'temperature'], /--set takes name=value/],
      [['--set', 'temperature=-1'], /temperature/],
      [['--policy', 'none.mjs'], /cannot be loaded/],
    ] as const) {
      const { code, stderr } = await run('replay', 'reports', ...args);
      expect([code, stderr]).toEqual([2, expect.stringMatching(sentence)]);
    }
    await writeFile(join(folder, 'cut.json'), '{"format":"flock-off receipt"');
    const cut = await run('replay', 'cut.json');
    expect([cut.code, cut.stderr]).toEqual([
      3,
      expect.stringContaining('cut.json cannot be replayed: the file is cut off'),
    ]);
  }, 120_000);
});

test('the page finds the curves of a real validator by what its reports say of each run', async () => {
  const { epochs } = await new ReportReader({ folder: real.folder }).read();
  const runs = await new TrainingRuns(join(real.miners.folder, 'metrics')).read(epochs);
  const blocks = epochs.map(({ startBlock }) => startBlock);
  const found = runs.map(({ uid, startBlock }) => `${startBlock} ${uid}`).sort();
  expect(found).toEqual(blocks.flatMap((block) => [`${block} 0`, `${block} 1`]).sort());
});
