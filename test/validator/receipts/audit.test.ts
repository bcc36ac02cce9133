import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  auditReceipts,
  DatasetChecker,
  HubDatasetStore,
  loadEvaluationSet,
  type Policy,
  type Receipt,
  WalletHotkey,
  type WinRatesRules,
  winRatesPolicy,
} from 'flock-off';
import { writeDevWallet } from 'flock-off/local';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { normaliseWeights } from '../../../src/chain/weights/normalise.ts';
import { clipToLimit } from '../../../src/chain/weights/row.ts';
import { canonicalJson } from '../../../src/shared/canonical-json.ts';
import { MersenneTwister } from '../../../src/shared/random.ts';
import { allBits, packBits } from '../../../src/validator/ledger/packed.ts';
import { firstDifference } from '../../../src/validator/receipts/audit/difference.ts';
import { retrain } from '../../../src/validator/receipts/audit/retrain.ts';
import { seal, sha256Of } from '../../../src/validator/receipts/seal.ts';
import { keyOf } from '../../../src/validator/score-dataset.ts';
import { closeMachine, type Machine, openMachine } from '../miners.ts';
import { type RealReceipts, realReceipts, receiptsOf, rowsOn } from './real-receipts.ts';

let machine: Machine;
let real: RealReceipts;
let names: string[];
beforeAll(async () => {
  machine = await openMachine();
  real = await realReceipts({ machine });
  names = (await readdir(real.folder)).sort((a, b) => blockOf(a) - blockOf(b));
}, 240_000);
afterAll(async () => {
  await real?.miners.close();
  closeMachine(machine);
});

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flock-off-audit-'));
  await cp(real.folder, folder, { recursive: true });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const blockOf = (name: string) => Number(/\d+/.exec(name)?.[0]);
const pathOf = (epoch: number) => join(folder, names[epoch]!);
const textOf = (epoch: number) => readFile(pathOf(epoch), 'utf8');
const receiptOf = async (epoch: number) => JSON.parse(await textOf(epoch)) as Receipt;

/** What is found, as `place why`, by the number of the epoch. */
async function found(more: Partial<Parameters<typeof auditReceipts>[0]> = {}): Promise<string[]> {
  const { reports, good } = await auditReceipts({ paths: [folder], ...more });
  const all = reports.flatMap(({ path, findings }) =>
    findings.map(({ place, why }) => `${names.indexOf(path.split('/').at(-1)!)}: ${place} ${why}`),
  );
  expect(good).toBe(all.length === 0);
  return all;
}

/** What could not be looked at in the report of an epoch. */
async function unchecked(epoch: number, paths = [pathOf(epoch)]): Promise<string[]> {
  const { reports } = await auditReceipts({ paths });
  return reports.find(({ path }) => path === pathOf(epoch))!.unchecked;
}

/** As if the validator had said something else: with its signature. */
async function saidOtherwise(epoch: number, change: (receipt: Receipt) => void): Promise<void> {
  const { seal: _, ...said } = await receiptOf(epoch);
  change(said as Receipt);
  const hotkey = await WalletHotkey.open({ path: real.miners.folder, name: 'validator' });
  await writeFile(pathOf(epoch), `${canonicalJson(await seal(said, hotkey))}\n`);
}

test('reports of real epochs follow from their own inputs and from each other, and the chain says the same', async () => {
  const { miners, signer } = real;
  const { good, reports, chain } = await auditReceipts({ paths: [folder], signer, subtensor: miners.subtensor });
  expect(reports.map(({ findings, unchecked }) => [findings, unchecked])).toEqual(names.map(() => [[], []]));
  expect(good).toBe(true);
  expect(chain).toEqual([
    'the chain has the hashes that seeded the draws of 3 of 3 reports',
    expect.stringContaining('was compared for 3 of 3, and who was registered as of the blocks of their weights for 3;'),
    expect.stringMatching(/^the weights of the report of block \d+ stand on the chain \(uid 4\)$/),
  ]);
  const { inputs, entries, previous } = await receiptOf(0);
  expect(previous).toBeNull();
  expect(entries.map(({ outcome }) => outcome.kind).sort()).toEqual(['rejected', 'rejected', 'scored', 'scored']);
  expect(Object.values(inputs.measured)).toEqual([
    { rowLosses: expect.any(String), trainingMs: expect.any(Number), evaluationMs: expect.any(Number) },
    { rowLosses: expect.any(String), trainingMs: expect.any(Number), evaluationMs: expect.any(Number) },
  ]);
});

test('reports of daily-winner of the version before, which had no word of which set a day is on, follow too', async () => {
  const policy = { name: 'daily-winner', parameters: { blockSeconds: 0.001 } };
  const { miners, folder: reports } = await realReceipts({ machine, epochs: 2, rules: { policy } });
  try {
    const hotkey = await WalletHotkey.open({ path: miners.folder, name: 'validator' });
    const paths = (await readdir(reports)).sort((a, b) => blockOf(a) - blockOf(b)).map((name) => join(reports, name));
    const rewrite = async (change: (receipt: Receipt, json: string) => Partial<Receipt>) => {
      let previous: Receipt['previous'] = null;
      for (const path of paths) {
        const { seal: _, ...said } = JSON.parse(await readFile(path, 'utf8')) as Receipt;
        const changed = change(said as Receipt, JSON.stringify(said));
        const text: string = `${canonicalJson(await seal({ ...changed, previous }, hotkey))}\n`;
        await writeFile(path, text);
        previous = { startBlock: said.startBlock, sha256: sha256Of(text) };
      }
    };
    const removed = /"evaluationRows":"require",?|"evaluationSha256":(null|"[0-9a-f]{64}"),?/g;
    const all = async () => (await auditReceipts({ paths: [reports] })).reports.flatMap(({ findings }) => findings);
    expect(await readFile(paths[1]!, 'utf8')).toMatch(removed);
    await rewrite((_, json) => JSON.parse(json.replaceAll(removed, '')));
    expect(await readFile(paths[1]!, 'utf8')).not.toMatch(removed);
    expect(await all()).toEqual([]);
    await rewrite((receipt) => ({
      ...receipt,
      policy: { ...receipt.policy, parameters: { evaluationRows: 'leave-out' } },
    }));
    expect(await all()).not.toEqual([]);
  } finally {
    await miners.close();
  }
}, 120_000);

test('nothing is found where data came late, or cannot be read, and a hotkey was replaced', async () => {
  const { miners, folder: reports } = await realReceipts({ machine, epochs: 1 });
  try {
    const receipts = { receipts: await receiptsOf(miners), subtensor: miners.subtensor };
    const ben = await miners.address('ben');
    await miners.publish('ben', rowsOn('fox'));
    await miners.epoch(receipts, ({ hotkey }) => hotkey === ben);
    await miners.publish('ann', rowsOn('owl'));
    miners.hub.faults.inject({ on: 'u/ann/', fault: { kind: 'status', status: 503 }, times: 1_000 });
    await miners.pass(4);
    const onEvent = async ({ kind }: { kind: string }) => {
      if (kind === 'drawn') await miners.replaceHotkey('cid', 'eve');
    };
    await miners.epoch({ ...receipts, onEvent });
    miners.hub.faults.clear();
    await miners.pass(4);
    await miners.epoch(receipts);
    const all = (await readdir(reports)).sort((a, b) => blockOf(a) - blockOf(b));
    const [, late, unread] = await Promise.all(
      all.map(async (name) => JSON.parse(await readFile(join(reports, name), 'utf8')) as Receipt),
    );
    expect(late!.inputs.datasets[ben]!.countsFrom).toBe(late!.startBlock);
    expect(unread!.entries.map(({ outcome }) => outcome.kind)).toContain('postponed');
    const cid = await miners.address('cid');
    expect(unread!.inputs.epoch.neurons.map(({ hotkey }) => hotkey)).toContain(cid);
    expect(unread!.inputs.end.neurons.map(({ hotkey }) => hotkey)).not.toContain(cid);
    const { reports: audited } = await auditReceipts({ paths: [reports], subtensor: miners.subtensor });
    expect(audited.map(({ findings, unchecked: not }) => [findings, not])).toEqual(Array(4).fill([[], []]));
  } finally {
    await miners.close();
  }
}, 120_000);

test('whatever digit or letter of a report is changed, the audit names the value that holds it', async () => {
  const text = await textOf(1);
  const original = JSON.parse(text);
  const random = new MersenneTwister(7);
  const digits = [...text.matchAll(/[0-9]/g)].map(({ index }) => index);
  let tried = 0;
  for (let i = 0; i < 300; i++) {
    const at = digits[random.nextUint32() % digits.length]!;
    const other = (Number(text[at]) + 1 + (random.nextUint32() % 9)) % 10;
    const changed = `${text.slice(0, at)}${other}${text.slice(at + 1)}`;
    await writeFile(pathOf(1), changed);
    const [first, ...more] = await found({ paths: [pathOf(1)] });
    expect(more).toEqual([]);
    const value = jsonOf(changed);
    if (value === null) expect(first).toBe('1: the file is no JSON');
    // A hotkey that is a key of something: the value is under another name now.
    else if (keysDiffer(value, original)) expect(first, `letter ${at}`).toMatch(/^1: \S+.* is /);
    else {
      expect(first).toContain(`1: ${firstDifference(value, original)?.place ?? 'letter'} `);
      tried++;
    }
  }
  expect(tried).toBeGreaterThan(200);
}, 60_000);

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Whether some object has other keys, anywhere. */
function keysDiffer(one: unknown, other: unknown): boolean {
  if (typeof one !== 'object' || one === null || typeof other !== 'object' || other === null) return false;
  const keys = Object.keys(one);
  if (keys.join() !== Object.keys(other).join()) return true;
  return keys.some((key) => keysDiffer(one[key as never], other[key as never]));
}

describe('what the validator itself signed and is not so', () => {
  const scored = ({ entries }: Receipt) => entries.find(({ outcome }) => outcome.kind === 'scored')!;
  test.each<[string, (receipt: Receipt) => void, string | RegExp]>([
    [
      'a loss',
      (receipt) => {
        const { outcome } = scored(receipt);
        if (outcome.kind === 'scored') outcome.lossNatsPerToken *= 0.99;
      },
      /entries\[0\]\.outcome\.lossNatsPerToken is .* and the mean of its rows is/,
    ],
    [
      'a weight',
      (receipt) => {
        scored(receipt).weight *= 0.5;
      },
      'entries[0].weight is',
    ],
    [
      'a score',
      (receipt) => {
        scored(receipt).score = 0.123;
      },
      'entries[0].score is 0.123',
    ],
    [
      'a sentence',
      (receipt) => {
        scored(receipt).why = 'won';
      },
      'entries[0].why is "won"',
    ],
    [
      'what weights follow',
      ({ inputs }) => {
        const [first, second] = inputs.weighed.weights;
        [first!.weight, second!.weight] = [second!.weight, first!.weight];
      },
      'inputs.weighed.weights[0].weight is',
    ],
    [
      'an average',
      (receipt) => {
        receipt.inputs.weighed.averages[scored(receipt).hotkey]! -= 0.001;
      },
      'inputs.weighed.averages',
    ],
    [
      'what was reached before',
      (receipt) => {
        receipt.inputs.standings[scored(receipt).hotkey]!.average! -= 0.2;
      },
      'inputs.weighed.averages',
    ],
    [
      'the seed',
      ({ inputs }) => {
        inputs.epoch.seedBlockHash = `0x${'1'.repeat(64)}`;
      },
      'inputs.epoch.epochSeed is',
    ],
    [
      'who was drawn',
      ({ inputs }) => {
        inputs.epoch.hotkeys.reverse();
      },
      'inputs.epoch.hotkeys[0] is',
    ],
    [
      'the base model',
      (receipt) => {
        receipt.baselineLossNatsPerToken! *= 2;
      },
      'baselineLossNatsPerToken is',
    ],
    [
      'that there is no base model to beat',
      (receipt) => {
        receipt.baselineLossNatsPerToken = null;
        receipt.inputs.baselineRowLosses = null;
      },
      'baselineLossNatsPerToken is null, though there are losses',
    ],
    [
      'the rows left out',
      (receipt) => {
        const copy = receipt.entries.find(
          ({ outcome }) => outcome.kind === 'rejected' && outcome.verdict.reason === 'duplicate',
        )!;
        receipt.inputs.datasets[copy.hotkey]!.leftOut!.others = 1;
      },
      /outcome\.verdict is duplicate, and the rows left out do not give that/,
    ],
    [
      'the rows kept',
      (receipt) => {
        receipt.inputs.datasets[scored(receipt).hotkey]!.kept = 'AwA=';
      },
      /inputs\.datasets\["\w+"\]\.ownRows is/,
    ],
    [
      'a verdict on a pointer',
      (receipt) => {
        const bad = receipt.entries.find(
          ({ outcome }) => outcome.kind === 'rejected' && outcome.verdict.reason === 'unpinned-commit',
        )!;
        if (bad.outcome.kind === 'rejected') bad.outcome.verdict.message = 'no';
      },
      /outcome\.verdict\.message is "no"/,
    ],
    [
      'what was sent',
      (receipt) => {
        receipt.receipt!.values[0]! -= 7;
      },
      /receipt\.values\[0\] is/,
    ],
    [
      'that nothing was sent',
      (receipt) => {
        receipt.receipt = null;
      },
      /receipt is null, and what follows is to set weights/,
    ],
    [
      'the block it counts from',
      (receipt) => {
        // The best counts as the later one then, and the other has the advantage.
        const [best, other] = receipt.entries.filter(({ outcome }) => outcome.kind === 'scored');
        const datasets = receipt.inputs.datasets;
        datasets[best!.hotkey]!.countsFrom += 1_000;
        datasets[other!.hotkey]!.countsFrom = 0;
        receipt.baselineLossNatsPerToken! *= 4;
      },
      /is/,
    ],
    [
      'the parameters',
      (receipt) => {
        receipt.policy.parameters.temperature = 0.5;
      },
      'policy.parameters.temperature is 0.5',
    ],
    [
      'the block that seeds it',
      (receipt) => {
        receipt.inputs.epoch.seedBlock -= 1;
        receipt.seedBlock -= 1;
      },
      /inputs\.epoch\.seedBlock is \d+; of an epoch that began then, it is \d+/,
    ],
    [
      'the block that it began with',
      ({ inputs }) => {
        inputs.competition.blocksPerEpoch = 9_999;
      },
      /inputs\.epoch\.startBlock is \d+, and epochs begin at multiples of 9999/,
    ],
    [
      'nothing of the hash that seeded the draw',
      ({ inputs }) => {
        inputs.epoch.seedBlockHash = undefined;
      },
      'inputs.epoch.seedBlockHash is missing, and nobody can draw again without it',
    ],
    [
      'nothing of what was drawn from',
      ({ inputs }) => {
        inputs.epoch.drawnFrom = undefined;
      },
      'inputs.epoch.drawnFrom is missing, and nobody can draw again without it',
    ],
    [
      'a dataset that counts from before its pointer',
      (receipt) => {
        receipt.inputs.datasets[scored(receipt).hotkey]!.countsFrom = 0;
      },
      /\.countsFrom is 0, and its pointer is of block \d+/,
    ],
    [
      'a dataset that counts from after the epoch began',
      (receipt) => {
        receipt.inputs.datasets[scored(receipt).hotkey]!.countsFrom = receipt.startBlock + 1;
      },
      /\.countsFrom is \d+, and its pointer is of block \d+/,
    ],
    [
      'fewer rows kept than are left, under a name that fits',
      (receipt) => {
        const dataset = receipt.inputs.datasets[scored(receipt).hotkey]!;
        dataset.kept = packBits(allBits(dataset.rows).fill(1));
        dataset.ownRows = keyOf([dataset.sha256, dataset.kept]);
      },
      /\.kept has 1 rows, and what is left out leaves \d+/,
    ],
    [
      'rows kept that are no bits',
      (receipt) => {
        receipt.inputs.datasets[scored(receipt).hotkey]!.kept = 'no';
      },
      /\.kept does not name any of \d+ rows/,
    ],
    [
      'a loss without the rows it is of',
      (receipt) => {
        receipt.inputs.datasets[scored(receipt).hotkey]!.kept = null;
      },
      /\.kept is missing, though there is a loss/,
    ],
    [
      'nothing of somebody who was drawn',
      (receipt) => {
        receipt.entries.splice(receipt.entries.indexOf(scored(receipt)), 1);
      },
      /entries have nothing of \w+, who was drawn/,
    ],
    [
      'a loss of somebody who was not drawn',
      (receipt) => {
        const { hotkeys } = receipt.inputs.epoch;
        hotkeys.splice(hotkeys.indexOf(scored(receipt).hotkey), 1);
      },
      /entries\[0\]\.outcome is a loss of \w+, who was not drawn/,
    ],
    [
      'weights for others where all are taken back',
      takenBack,
      'receipt.uids give nothing to uid 4, and what was taken back goes there',
    ],
    [
      'a subnet that there cannot be',
      (receipt) => {
        receipt.netuid = 65_536;
      },
      'netuid cannot be used',
    ],
    [
      'a block that there cannot be',
      ({ inputs }) => {
        inputs.epoch.startBlock = 2 ** 32;
      },
      'inputs.epoch.startBlock cannot be used',
    ],
    [
      'an epoch that cannot be',
      (receipt) => {
        receipt.inputs.epoch.drawnFrom!.queue = { seed: 'x' };
      },
      'inputs cannot be computed with',
    ],
  ])('%s', async (_, change, place) => {
    await saidOtherwise(2, change);
    const findings = await found({ paths: [pathOf(2)] });
    expect(findings.join('\n')).toMatch(typeof place === 'string' ? new RegExp(escaped(place)) : place);
  });

  function takenBack(receipt: Receipt): void {
    for (const entry of receipt.entries)
      if (entry.outcome.kind === 'scored')
        entry.outcome = { kind: 'rejected', verdict: { reason: 'no-labels', message: 'nothing to learn' } };
  }

  test('what is taken back goes to the signer, and verdicts that nothing shows are named', async () => {
    await saidOtherwise(2, (receipt) => {
      takenBack(receipt);
      Object.assign(receipt.receipt!, { uids: [4], values: [65_535] });
    });
    expect((await found({ paths: [pathOf(2)] })).filter((one) => one.startsWith('2: receipt'))).toEqual([]);
    expect(await unchecked(2)).toContainEqual(
      expect.stringMatching(
        /^the verdicts on uid \d \(no-labels\), uid \d \(no-labels\): they rest on what the datasets hold/,
      ),
    );
  });

  test('a loss of the base model without its rows is not looked at, and that is said', async () => {
    await saidOtherwise(2, ({ inputs }) => {
      inputs.baselineRowLosses = null;
    });
    expect(await unchecked(2)).toContain('the loss of the base model: its losses by row are not in the report');
  });

  test('of losses of somebody who was not drawn no pairs are made', async () => {
    await saidOtherwise(2, (receipt) => {
      const { measured, epoch } = receipt.inputs;
      const undrawn = epoch.neurons.find(({ hotkey }) => !epoch.hotkeys.includes(hotkey))!;
      measured[undrawn.hotkey] = measured[scored(receipt).hotkey]!;
    });
    expect(await found({ paths: [pathOf(2)] })).toEqual([]);
  });

  test('an epoch that it did not go on from', async () => {
    const { startBlock } = await receiptOf(1);
    for (const block of [null, 0, startBlock - 1, (await receiptOf(2)).startBlock]) {
      await saidOtherwise(2, ({ inputs }) => {
        inputs.lastStartBlock = block;
      });
      expect(await found()).toEqual([
        `2: inputs.lastStartBlock is ${block}, and the report before is of block ${startBlock}: the epoch did not go on from there`,
      ]);
    }
    await saidOtherwise(2, ({ inputs }) => {
      inputs.lastStartBlock = startBlock + 1;
    });
    expect(await found()).toEqual([]);
    expect((await unchecked(2, [folder]))[0]).toMatch(/^averages, verdicts that stand, .* could not be stored/);
  });

  test('rules, evaluation set and base model that are others than before are told', async () => {
    await saidOtherwise(2, ({ inputs, trainer }) => {
      inputs.competition.claimBlocks += 1;
      inputs.evaluation.sha256 = '1'.repeat(64);
      trainer.baseSha256 = '2'.repeat(64);
    });
    const said = await unchecked(2, [folder]);
    for (const place of ['inputs.competition.claimBlocks', 'inputs.evaluation.sha256', 'trainer.baseSha256'])
      expect(said).toContainEqual(expect.stringMatching(new RegExp(`^why ${escaped(place)} is .*, and was `)));
  });

  test('somebody left out of who was registered, by the next report and by the chain', async () => {
    let left = '';
    await saidOtherwise(1, ({ inputs }) => {
      left = inputs.end.neurons.shift()!.hotkey;
    });
    const findings = (await found({ subtensor: real.miners.subtensor })).join('\n');
    expect(findings).toMatch(new RegExp(`2: inputs\\.epoch\\.neurons have ${left}, registered since block \\d+, whom`));
    expect(findings).toMatch(/1: inputs\.end\.neurons\[0\]\.\w+ is .*, and the chain has/);
  });

  test('a subnet that the chain does not have, in a report without the hash that seeded it', async () => {
    await saidOtherwise(2, ({ inputs }) => {
      inputs.epoch.seedBlockHash = undefined;
      inputs.epoch.neurons[0]!.consensus = 0.5;
    });
    expect(await found({ subtensor: real.miners.subtensor })).toContainEqual(
      expect.stringMatching(/^2: inputs\.epoch\.neurons\[0\]\.consensus is 0\.5, and the chain has/),
    );
  });

  test('averages that the epoch before did not end with', async () => {
    await saidOtherwise(1, ({ inputs, entries }) => {
      for (const { hotkey } of entries) inputs.standings[hotkey]!.postponedEpochs = 2;
    });
    const findings = await found();
    expect(findings.join('\n')).toMatch(
      /1: inputs\.standings\[.*\]\.postponedEpochs is 2; the epoch of block \d+ ended with 0/,
    );
    // The next one names the hash of what was said first.
    expect(findings.join('\n')).toMatch(/2: previous\.sha256 is not the hash of the report of block \d+/);
  });
});

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

describe("a policy of the operator's own", () => {
  const mine = (parameters: Record<string, unknown>): Policy => ({
    ...winRatesPolicy(parameters as Partial<WinRatesRules>),
    ...{ name: 'mine', parameters },
  });
  const names0 = (name: string) =>
    saidOtherwise(0, (receipt) => {
      receipt.policy.name = name;
    });

  test('is made from the parameters of each report, as the validator made it', async () => {
    await names0('mine');
    expect(await found({ paths: [pathOf(0)], policy: mine })).toEqual([]);
    const { policy } = (await receiptOf(0)).inputs.competition;
    expect(await found({ paths: [pathOf(0)], policy: mine(policy.parameters) })).toEqual([]);
  });

  test('that is not given is no finding: nothing can be told', async () => {
    await names0('mine');
    const missing = auditReceipts({ paths: [folder] });
    await expect(missing).rejects.toMatchObject({
      code: 'bad-argument',
      message: expect.stringMatching(
        /report of block \d+ has the policy "mine", which this package does not have.*--policy/,
      ),
    });
    const other = { ...mine((await receiptOf(0)).policy.parameters), name: 'other' };
    await expect(auditReceipts({ paths: [folder], policy: other })).rejects.toThrow(/and the one given is "other"/);
    const none = { name: 'mine' } as Policy;
    await expect(auditReceipts({ paths: [folder], policy: none })).rejects.toThrow(/has no function draw/);
  });
});

describe('reports that are not what they should be', () => {
  test('one that is cut off', async () => {
    const text = await textOf(1);
    await writeFile(pathOf(1), text.slice(0, 5_000));
    expect(await found()).toEqual([
      '1: the file is cut off, or no JSON at all',
      expect.stringMatching(/^2: previous names the report of block \d+ as the one before, and of those given/),
    ]);
  });

  test('one of another version, and what is no report', async () => {
    const text = await textOf(1);
    await writeFile(pathOf(1), text.replace('"version":2}', '"version":3}'));
    expect(await found({ paths: [pathOf(1)] })).toEqual([
      '1: version is 3, and this version of flock-off reads 1 and 2: update flock-off',
    ]);
    for (const other of ['{}', '[]', 'null', '"a"', '17'])
      expect(await whatIs(other)).toBe('1: format is not "flock-off receipt": this is no report with a seal');
    expect(await whatIs('')).toBe('1: the file is cut off, or no JSON at all');
    expect(await whatIs('{"format":"flock-off receipt","version":1}')).toBe('1: signer is missing');

    async function whatIs(content: string) {
      await writeFile(pathOf(1), content);
      return (await found({ paths: [pathOf(1)] }))[0];
    }
  });

  test('one that another key signed, and those of another hotkey', async () => {
    const { hotkey } = await writeDevWallet({ path: folder, name: 'mallory' });
    const mallory = await WalletHotkey.open({ path: folder, name: 'mallory' });
    const { seal: _, ...said } = await receiptOf(1);
    await writeFile(pathOf(1), `${canonicalJson(await seal(said, mallory))}\n`);
    expect(await found({ paths: [pathOf(1)] })).toEqual([`1: seal.signature is not that of ${real.signer}`]);
    await writeFile(pathOf(1), `${canonicalJson(await seal({ ...said, signer: hotkey }, mallory))}\n`);
    expect((await found())[0]).toBe(`1: signer is ${hotkey}, not ${real.signer}`);
    expect(await found({ paths: [pathOf(0)], signer: hotkey })).toEqual([`0: signer is ${real.signer}, not ${hotkey}`]);
  });

  test('one of a chain that is out of order, one missing between, and one twice', async () => {
    await saidOtherwise(1, (receipt) => {
      receipt.previous!.startBlock = 9_999;
    });
    expect((await found({ paths: [pathOf(1)] }))[0]).toMatch(
      /^1: previous\.startBlock is 9999, and this report is of block \d+: they are out of order$/,
    );
    expect(await found({ paths: [pathOf(2), pathOf(0)] })).toEqual([
      expect.stringMatching(/^2: previous names the report of block \d+ as the one before, .*: give all of them$/),
    ]);
    // A copy is no other report.
    await cp(pathOf(0), join(folder, 'copy.json'));
    const both = { paths: [pathOf(0), join(folder, 'copy.json')] };
    expect(await found(both)).toEqual([]);
    await saidOtherwise(0, (receipt) => {
      receipt.inputs.durationMs++;
    });
    expect((await found(both)).join()).toMatch(/startBlock is \d+, of which/);
  });

  test('one whose form is another, with the same values', async () => {
    await writeFile(pathOf(1), JSON.stringify(await receiptOf(1), null, 2));
    expect((await found({ paths: [pathOf(1)] }))[0]).toBe('1: letter 2 is not as the canonical form has it');
    const text = await textOf(2);
    await writeFile(pathOf(2), `${text} `);
    expect(await found({ paths: [pathOf(2)] })).toEqual([
      `2: letter ${text.length + 1} is not as the canonical form has it`,
    ]);
  });

  const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;
  test.each([
    [
      'a version that is none',
      '{"format":"flock-off receipt","version":{"toString":1,"valueOf":1}}',
      'version is {"toString":1,"valueOf":1}, and this version of flock-off reads 1 and 2: read it with the version that wrote it',
    ],
    [
      'a list in lists without end',
      `{"format":"flock-off receipt","inputs":${deep},"seal":{"places":"","sha256":"","signature":""},"signer":"5F","version":1}`,
      'the file has values more than 256 levels deep',
    ],
  ])('%s ends nothing but the look at that file', async (_, content, why) => {
    await writeFile(join(folder, 'hostile.json'), content);
    const { reports } = await auditReceipts({ paths: [join(folder, 'hostile.json'), folder] });
    expect(reports.map(({ findings }) => findings.map((one) => `${one.place} ${one.why}`))).toEqual([
      [why],
      [],
      [],
      [],
    ]);
  });

  test('a name with a quote and a colon in it', async () => {
    await saidOtherwise(2, (receipt) => {
      (receipt as unknown as Record<string, number>)['a":'] = 1;
    });
    expect(await found()).toEqual([]);
  });

  test('what is no file, and one whose name is of no block', async () => {
    expect(await found({ paths: ['/dev/zero'] })).toEqual(['-1: the file is no regular file']);
    for (const block of ['0360', '99999999999999999999']) await writeFile(join(folder, `epoch-${block}.json`), '');
    expect(await found()).toEqual([]);
  });

  test('no reports at all', async () => {
    const paths = [join(folder, '..', 'nothing-here')];
    await expect(auditReceipts({ paths })).rejects.toMatchObject({ code: 'disk' });
    await rm(folder, { recursive: true });
    await writeDevWallet({ path: folder, name: 'x' });
    await expect(auditReceipts({ paths: [folder] })).rejects.toMatchObject({ code: 'bad-argument' });
  });
});

test('weights that stand on the chain and are not those of the last report are found', async () => {
  const { miners } = real;
  const { uids } = (await receiptOf(2)).receipt!;
  const before = miners.chain.weights({ netuid: 7, uid: 4 });
  miners.chain.setStorage('SubtensorModule.Weights', 7, 4, [[uids[0], 17]]);
  await miners.pass(1);
  expect((await found({ subtensor: miners.subtensor }))[0]).toMatch(
    /^2: receipt\.values\[0\] is \d+ for uid \d+, and the chain has 17/,
  );
  miners.chain.setStorage(
    'SubtensorModule.Weights',
    7,
    4,
    before.map(({ uid, value }) => [uid, value]),
  );
  await miners.pass(1);
});

test('weights that the subnet limits follow from the report, and are no others than those', async () => {
  const { receipt, inputs } = await receiptOf(2);
  const { weights } = inputs.weighed;
  const limit = 0.6;
  const clipped = normaliseWeights(clipToLimit(weights, { uid: -1, maxWeightsLimit: limit }));
  expect(clipped.values).not.toEqual(normaliseWeights(weights).values);
  const values = receipt!.uids.map((uid) => clipped.values[clipped.uids.indexOf(uid)] ?? 0);
  await saidOtherwise(2, (report) => void Object.assign(report.receipt!, { values, maxWeightsLimit: limit }));
  const { good, reports } = await auditReceipts({ paths: [pathOf(2)] });
  expect([good, reports[0]!.unchecked.join()]).toEqual([
    true,
    expect.stringContaining('limits a weight to 0.6 of all'),
  ]);
  expect(await found({ subtensor: real.miners.subtensor })).toContainEqual(
    '2: receipt.maxWeightsLimit is 0.6, and the chain has 1',
  );
  await saidOtherwise(2, (report) => void Object.assign(report.receipt!, { maxWeightsLimit: undefined }));
  expect((await found({ paths: [pathOf(2)] }))[0]).toMatch(/receipt\.values\[\d\] is \d+, and the weights give/);
});

test('weights that are not revealed yet are waited for until their window ends, and no other ones', async () => {
  const { miners } = real;
  const before = miners.chain.weights({ netuid: 7, uid: 4 });
  const { uids, block } = (await receiptOf(2)).receipt!;
  miners.chain.setStorage('SubtensorModule.Weights', 7, 4, [[uids[0], 17]]);
  await miners.pass(1);
  const revealPeriod = (epochs: number) => miners.chain.setStorage('SubtensorModule.RevealPeriodEpochs', 7, epochs);
  revealPeriod(1_000);
  const said = async (sent: { block: number; revealUntilBlock?: number }) => {
    await miners.pass(1);
    await saidOtherwise(2, (receipt) => void Object.assign(receipt.receipt!, { mode: 'timelock', ...sent }));
    return found({ subtensor: miners.subtensor });
  };
  expect(await said({ block, revealUntilBlock: block + 10_000 })).toEqual([]);
  for (const sent of [
    { block: block + 10_000, revealUntilBlock: block + 20_000 },
    { block, revealUntilBlock: block },
  ])
    expect(await said(sent)).toEqual([
      expect.stringMatching(/^2: receipt\.values\[0\] is \d+ for uid \d+, and the chain/),
    ]);
  // Whatever the report says of it, its window has ended once the subnet's has.
  revealPeriod(1);
  await miners.pass(70);
  expect(await said({ block, revealUntilBlock: block + 10_000 })).toHaveLength(1);
  miners.chain.setStorage(
    'SubtensorModule.Weights',
    7,
    4,
    before.map(({ uid, value }) => [uid, value]),
  );
  await miners.pass(1);
});

test('a dataset is trained again to the same bits, and another loss is noticed', async () => {
  const { miners } = real;
  const receipt = await receiptOf(2);
  const checker = new DatasetChecker();
  const parameters = {
    ...{ checker, folder, trainer: machine.trainer },
    datasets: new HubDatasetStore({ endpoint: miners.hub.url }),
    evaluation: await loadEvaluationSet({ path: join(miners.folder, 'evaluation.jsonl') }),
  };
  try {
    const again = await retrain({ ...parameters, receipt, uid: 1 });
    expect(again).toMatchObject({ good: true, isSameDevice: true, tolerance: 0, otherRows: 0 });
    expect(again.seenLossNatsPerToken).toBe(again.lossNatsPerToken);

    const own = structuredClone(receipt);
    own.policy.name = 'mine';
    own.inputs.competition.policy = { name: 'mine', parameters: { x: 7 } };
    const policy = (given: Record<string, unknown>) => ({ ...winRatesPolicy(), name: 'mine', parameters: given });
    expect(await retrain({ ...parameters, receipt: own, uid: 1, policy })).toMatchObject({ good: true });
    await expect(retrain({ ...parameters, receipt: own, uid: 1 })).rejects.toThrow(/has the policy "mine"/);

    const lied = structuredClone(receipt);
    const { outcome } = lied.entries.find(({ uid }) => uid === 1)!;
    if (outcome.kind === 'scored') outcome.lossNatsPerToken += 1e-9;
    expect(await retrain({ ...parameters, receipt: lied, uid: 1 })).toMatchObject({ good: false });
    // So may those of rows that were computed in parts, for want of memory.
    const divided = structuredClone(lied);
    divided.inputs.measured[divided.entries.find(({ uid }) => uid === 1)!.hotkey]!.divided = true;
    expect(await retrain({ ...parameters, receipt: divided, uid: 1 })).toMatchObject({ good: true, tolerance: 1e-3 });
    // On another processor sums may be rounded otherwise.
    lied.inputs.machine.cpu = 'another';
    expect(await retrain({ ...parameters, receipt: lied, uid: 1 })).toMatchObject({ good: true, tolerance: 1e-3 });
    // What is downloaded is bounded, whatever the report says.
    lied.inputs.competition.maxBytes = 2 ** 50;
    const asked: number[] = [];
    const download = (of: Parameters<HubDatasetStore['download']>[0]) => {
      asked.push(of.maxBytes);
      return parameters.datasets.download(of);
    };
    await retrain({ ...parameters, datasets: { download }, receipt: lied, uid: 1 });
    expect(asked).toEqual([256 * 1024 * 1024]);
    await expect(retrain({ ...parameters, receipt, uid: 2 })).rejects.toMatchObject({ code: 'bad-argument' });
  } finally {
    checker.close();
  }
}, 60_000);
