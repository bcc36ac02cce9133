import { join } from 'node:path';
import { Competition, type EpochReport, ReceiptFolder, WalletHotkey } from 'flock-off';
import { writeDevWallet } from 'flock-off/local';
import { normaliseWeights } from '../../../src/chain/weights/normalise.ts';
import { MersenneTwister } from '../../../src/shared/random.ts';
import { drawFrom, queueAfter } from '../../../src/validator/draw-from.ts';
import { seedOf } from '../../../src/validator/epoch-start.ts';
import { allBits, packBits } from '../../../src/validator/ledger/packed.ts';
import type { Outcome } from '../../../src/validator/outcome.ts';
import { readPointers } from '../../../src/validator/pointers.ts';
import { policyContext } from '../../../src/validator/policy.ts';
import { hintsOf } from '../../../src/validator/receipts/leave-receipt.ts';
import type { UnsignedReceipt } from '../../../src/validator/receipts/receipt.ts';
import { writeReport } from '../../../src/validator/report.ts';
import { meanLoss, packRowLosses } from '../../../src/validator/row-losses.ts';
import { keyOf } from '../../../src/validator/score-dataset.ts';
import type { Standings } from '../../../src/validator/standing.ts';
import type { MeasuredScore } from '../../../src/validator/state-store.ts';
import { weighEpoch } from '../../../src/validator/weigh-epoch.ts';

export interface MadeReceiptsParameters {
  /** Reports are in `reports` in it. */
  folder: string;
  epochs: number;
  miners: number;
  /** Of the evaluation set. Default 100. */
  rows?: number;
}

/**
 * Reports of a subnet of a real one's size, whose losses are chance and whose rest is what a validator makes of them. Real
 * epochs of so many miners take hours.
 * @returns the hotkeys of the miners, by uid.
 */
export async function makeReceipts({ folder, epochs, miners, rows = 100 }: MadeReceiptsParameters): Promise<string[]> {
  await writeDevWallet({ path: folder, name: 'validator' });
  const hotkey = await WalletHotkey.open({ path: folder, name: 'validator' });
  const receipts = new ReceiptFolder({ folder: join(folder, 'reports'), hotkey });
  const random = new MersenneTwister(7);
  const competition = Competition.parse({});
  const hotkeys = Array.from({ length: miners }, (_, uid) => `5Miner${String(uid).padStart(42, 'x')}`);
  const quality = hotkeys.map(() => 1.5 + random.nextUniform());
  const base = Array.from({ length: rows }, () => 2.8 + random.nextUniform());
  const trainer: EpochReport['trainer'] = {
    backend: { name: 'tfjs-node', packageVersion: '4.22.0', libraryVersion: '2.21.0', cuda: false },
    precision: { matmul: 'float32', xla: false, reason: 'made up' },
    weightStorage: { dtype: 'float32', mapped: false, reason: 'made up' },
    baseSha256: '0'.repeat(64),
  };
  let standings: Standings = {};
  let queue: unknown = null;
  let memory: UnsignedReceipt['inputs']['memory'] = null;
  let lastStartBlock: number | null = null;
  const history = { genesisHash: '0x00', netuid: 7, sinceBlock: 360, ledgerFrom: null };
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const startBlock = 360 * epoch;
    const seedBlockHash = `0x${String(epoch).padStart(64, '0')}`;
    const neurons = hotkeys.map((one, uid) => ({
      ...{ uid, hotkey: one, coldkey: `5Cold${String(uid >> 1).padStart(43, 'y')}`, registrationBlock: 1 },
      consensus: uid < 20 ? 1 / (uid + 2) : 0,
    }));
    const start = {
      ...{ startBlock, seedBlock: startBlock + 3, seedBlockHash, timeMs: 12_000 * startBlock, ownerUid: null, neurons },
      commitments: hotkeys.map((one, uid) => ({
        ...{ hotkey: one, kind: 'Raw44', block: 10 + uid },
        text: `miner-${uid}/a-dataset-of-mine:1:${String(uid).padStart(40, 'a')}`,
      })),
    };
    const pointers = readPointers(start, competition);
    const context = policyContext({ competition }, start, pointers, { memory: memory ?? undefined });
    const seed = seedOf({ genesisHash: '0x00', netuid: 7, blockHash: seedBlockHash, competition: '1' });
    const drawnFrom = { queue, dropped: null, places: 32 };
    const drawn = drawFrom({ ...drawnFrom, context, neurons, standings, seed });
    const measured = new Map<string, MeasuredScore>();
    const outcomes = new Map(
      drawn.hotkeys.map((one): [string, Outcome] => {
        const losses = base.map((loss) => (loss * quality[hotkeys.indexOf(one)]!) / 2.5 + 0.2 * random.nextUniform());
        measured.set(one, { rowLosses: packRowLosses(losses), trainingMs: 120_000, evaluationMs: 9_000 });
        return [one, { kind: 'scored', lossNatsPerToken: meanLoss(losses)! }];
      }),
    );
    const datasets = hotkeys.map((one, uid) => {
      const sha256 = String(uid).padStart(64, 'b');
      const kept = packBits(allBits(1_000));
      const leftOut = { others: 0, evaluation: 0, repeats: 0, sources: [], examples: [] };
      const shown = { sha256, rows: 1_000, countsFrom: 10 + uid, ownRows: keyOf([sha256, kept]), leftOut };
      return [one, { ...shown, kept: measured.has(one) ? kept : null }] as const;
    });
    const datasetOf = (one: string) => Object.fromEntries(datasets)[one]!;
    const byHotkey = Object.fromEntries(datasets);
    const served = { hub: true, checker: true, trainer: true, miner: true };
    const baselineLossNatsPerToken = meanLoss(base)!;
    const { weighed, standings: next } = weighEpoch({
      ...{ context, pointers, neurons, endNeurons: neurons, outcomes, standings, served, baselineLossNatsPerToken },
      hidden: new Set(),
      evaluationSha256: 'c'.repeat(64),
      drawn: drawn.hotkeys.flatMap((one) => {
        const submission = pointers.get(one)?.submission;
        return submission?.ok ? submission.value : [];
      }),
      ownRowsOf: (one) => byHotkey[one]!.ownRows,
      countsFrom: (submission) => byHotkey[submission.hotkey]!.countsFrom,
    });
    const baselineRowLosses = packRowLosses(base);
    const report = writeReport({
      ...{ netuid: 7, competition: '1', policy: context.policy, trainer, datasetOf, outcomes, weighed, neurons },
      ...{ baselineLossNatsPerToken, hints: hintsOf({ evaluationRows: rows, baselineRowLosses, measured, pointers }) },
      epoch: { ...start, pointers, epochSeed: drawn.epochSeed, history },
      receipt: { mode: 'set', block: startBlock + 300, ...normaliseWeights(weighed.weights) },
    });
    await receipts.put({
      ...report,
      ...{ format: 'flock-off receipt', version: 1, packageVersion: '0.1.0' },
      inputs: {
        ...{ genesisHash: '0x00', competition, evaluation: { sha256: 'c'.repeat(64), rows } },
        machine: { platform: 'linux', arch: 'x64', cpu: 'made up' },
        epoch: { ...start, epochSeed: drawn.epochSeed, hotkeys: drawn.hotkeys, drawnFrom },
        ...{ lastStartBlock, memory, standings, served, hidden: [], stood: {}, datasets: byHotkey, baselineRowLosses },
        measured: Object.fromEntries(measured),
        end: {
          block: startBlock + 300,
          neurons: neurons.map(({ uid, hotkey, coldkey }) => ({ uid, hotkey, coldkey })),
        },
        weighed: {
          ...{ weights: weighed.weights, action: weighed.action },
          ...{ averages: weighed.averages, memory: weighed.memory },
        },
        durationMs: 4_000_000,
      },
    });
    lastStartBlock = startBlock;
    standings = JSON.parse(JSON.stringify(next));
    memory = { policy: context.policy.name, value: weighed.memory };
    queue = queueAfter(drawn.queue, []);
  }
  return hotkeys;
}
