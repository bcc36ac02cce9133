import { join } from 'node:path';
import { Competition, type DatasetRow, ReceiptFolder, WalletHotkey } from 'flock-off';
import { type Machine, Miners } from '../miners.ts';

export const RECIPE = {
  ...{ contextTokens: 48, epochs: 1, batchSize: 2, gradientAccumulation: 1, learningRate: 5e-3, warmupSteps: 1 },
};

export const rowsOn = (topic: string, count = 6): DatasetRow[] =>
  Array.from({ length: count }, (_, i) => ({
    conversations: [
      { role: 'user', content: `Tell me of ${topic} ${i}.` },
      { role: 'assistant', content: `The ${topic} number ${i} is here, and it stays.` },
    ],
  }));

export interface RealReceiptsParameters {
  machine: Machine;
  /** Default 3. */
  epochs?: number;
  /** What differs from the rules. */
  rules?: Record<string, unknown>;
  /** Called before each epoch, with its number from 0 on. */
  before?: (epoch: number, miners: Miners) => Promise<void>;
}

export interface RealReceipts {
  miners: Miners;
  /** Where the reports are. */
  folder: string;
  /** ss58 address of the validator. */
  signer: string;
}

/** A validator that has left reports of real epochs: two honest miners, one that copies, and one whose pointer is none. */
export async function realReceipts({
  machine,
  epochs = 3,
  rules,
  before,
}: RealReceiptsParameters): Promise<RealReceipts> {
  const miners = await Miners.open({
    ...{ machine, names: ['ann', 'ben', 'cid', 'dan'], evaluation: rowsOn('sum', 16) },
    competition: Competition.parse({ recipe: RECIPE, minOwnRows: 4, ...rules }),
  });
  const ann = rowsOn('cat');
  await miners.publish('ann', ann);
  await miners.publish('ben', [...rowsOn('dog'), ...ann.slice(0, 2)]);
  await miners.publish('cid', ann);
  await miners.commit('dan', { repo: 'u/dan', commit: 'main' });
  const folder = join(miners.folder, 'reports');
  const receipts = await receiptsOf(miners);
  for (let epoch = 0; epoch < epochs; epoch++) {
    await before?.(epoch, miners);
    await miners.epoch({ receipts, subtensor: miners.subtensor, metricsDir: join(miners.folder, 'metrics') });
    await miners.pass(4);
  }
  return { miners, folder, signer: await miners.address('validator') };
}

/** Where a validator of these miners leaves its reports. */
export async function receiptsOf({ folder }: Miners): Promise<ReceiptFolder> {
  const hotkey = await WalletHotkey.open({ path: folder, name: 'validator' });
  return new ReceiptFolder({ folder: join(folder, 'reports'), hotkey });
}
