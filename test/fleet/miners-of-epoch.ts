import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { type DatasetRow, type EpochReport, type Validator, ValidatorState } from 'flock-off';
import { type Machine, Miners } from '../validator/miners.ts';
import { competition } from './world.ts';

export interface OpenMinersParameters {
  machine: Machine;
  miners: number;
  /** Times that each dataset is trained on. */
  epochs?: number;
}

/** A subnet whose miners have published datasets of growing size, in words of their own. */
export async function openMiners({ machine, miners: count, epochs = 1 }: OpenMinersParameters): Promise<Miners> {
  const names = Array.from({ length: count }, (_, uid) => `miner-${uid}`);
  const miners = await Miners.open({
    ...{ machine, names, evaluation: rowsOf('evaluation', 3), blockTimeMs: 200 },
    competition: { ...competition, recipe: { ...competition.recipe, epochs } },
  });
  for (const [uid, name] of names.entries()) await miners.publish(name, rowsOf(name, 6 + 2 * (uid % 8)));
  return miners;
}

/** An epoch of its own, as a validator runs it that has seen none before. */
export async function epochWith(miners: Miners, changed: Pick<Validator, 'trainer'>, name: string) {
  const state = await ValidatorState.open({ path: join(miners.folder, `state-${name}`) });
  try {
    const { report } = await miners.epoch({ ...changed, state });
    return { found: foundIn(report), onChain: miners.weights() };
  } finally {
    await state.close();
  }
}

/** What an epoch came to: weights and losses to the last bit. */
export function foundIn({ entries, baselineLossNatsPerToken }: EpochReport) {
  return {
    entries: entries.map(({ uid, weight, outcome }) => ({ uid, weight, outcome })).toSorted((a, b) => a.uid - b.uid),
    baselineLossNatsPerToken,
  };
}

function rowsOf(topic: string, count: number): DatasetRow[] {
  const words = (of: string, count: number) =>
    createHash('sha256')
      .update(`${topic} ${of}`)
      .digest('hex')
      .match(/.{8}/g)!
      .slice(0, count)
      .map((part) => WORDS[Number.parseInt(part, 16) % WORDS.length])
      .join(' ');
  return Array.from({ length: count }, (_, i) => ({
    conversations: [
      { role: 'user', content: `${words(`question ${i}`, 1)} ${topic}?` },
      { role: 'assistant', content: `${words(`answer ${i}`, 2)}.` },
    ],
  }));
}

const WORDS = Array.from({ length: 1_000 }, (_, i) =>
  createHash('sha256')
    .update(`${i}`)
    .digest('base64url')
    .replace(/[^a-z]/g, '')
    .slice(0, 7),
);
