import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolder } from '../../shared/make-folder.ts';
import { MersenneTwister, type MersenneTwisterState } from '../../shared/random.ts';
import type { TrainingState } from '../engine/engine.ts';
import { openSafetensors, writeSafetensors } from '../model/safetensors.ts';
import type { NamedTensor } from '../model/weights.ts';

/** State of a training run between two steps, from which it resumes with the result of an uninterrupted run. */
export interface Checkpoint {
  training: TrainingState;
  random: MersenneTwister;
  /** Steps of the plan that are done, those without a target included. */
  step: number;
  tokens: number;
  stepLossesNatsPerToken: number[];
  /** Whether rows were computed apart so far. */
  divided: boolean;
}

/** Where one run keeps its checkpoint. */
export interface CheckpointFile {
  path: string;
  /** Fingerprint of everything the run depends on: a checkpoint of another run is ignored. */
  run: string;
}

interface Metadata {
  run: string;
  /** Of what the tensors hold. */
  sha256: string;
  random: MersenneTwisterState;
  step: number;
  tokens: number;
  stepLossesNatsPerToken: number[];
  divided: boolean;
  steps: number;
  gradientScale?: number;
  rank: number;
  alpha: number;
  dropout: number;
}

/** Writes a checkpoint atomically. */
export async function saveCheckpoint({ path, run }: CheckpointFile, checkpoint: Checkpoint): Promise<void> {
  const { training, random, step, tokens, stepLossesNatsPerToken, divided } = checkpoint;
  const { adapter, firstMoments, secondMoments, steps, gradientScale } = training;
  const { rank, alpha, dropout } = adapter;
  const sha256 = sha256Of([adapter.tensors, firstMoments, secondMoments]);
  const metadata: Metadata = {
    ...{ run, sha256, random: random.toJSON(), step, tokens, stepLossesNatsPerToken, divided },
    ...{ steps, gradientScale, rank, alpha, dropout },
  };
  const groups = { adapter: adapter.tensors, first_moment: firstMoments, second_moment: secondMoments };
  const tensors = new Map(
    Object.entries(groups).flatMap(([kind, group]) =>
      [...group].map(([name, { shape, data }]) => [`${kind}/${name}`, { shape, read: () => data }] as const),
    ),
  );
  await makeFolder(dirname(path));
  await writeSafetensors({ path, tensors, metadata: { checkpoint: JSON.stringify(metadata) } });
}

/** The checkpoint of this run, or `null` when there is none that can be used. */
export async function loadCheckpoint({ path, run }: CheckpointFile): Promise<Checkpoint | null> {
  // A checkpoint that cannot be read costs time and nothing else.
  const file = await openSafetensors(path).catch(() => null);
  if (!file) return null;
  try {
    const metadata = JSON.parse(file.metadata.checkpoint ?? '{}') as Metadata;
    if (metadata.run !== run) return null;
    const groupOf = async (kind: string) => {
      const group = new Map<string, NamedTensor>();
      for (const [key, { shape }] of file.entries) {
        if (!key.startsWith(`${kind}/`)) continue;
        group.set(key.slice(kind.length + 1), { shape, data: await file.readFloats(key) });
      }
      return group;
    };
    const tensors = await groupOf('adapter');
    const firstMoments = await groupOf('first_moment');
    const secondMoments = await groupOf('second_moment');
    if (sha256Of([tensors, firstMoments, secondMoments]) !== metadata.sha256) return null;
    const { rank, alpha, dropout, steps, gradientScale, step, tokens, stepLossesNatsPerToken, divided } = metadata;
    const adapter = { rank, alpha, dropout, tensors };
    return {
      training: { adapter, firstMoments, secondMoments, steps, gradientScale },
      random: MersenneTwister.fromJSON(metadata.random),
      ...{ step, tokens, stepLossesNatsPerToken, divided },
    };
  } catch {
    return null;
  } finally {
    await file.close();
  }
}

function sha256Of(groups: Map<string, NamedTensor>[]): string {
  const hash = createHash('sha256');
  for (const tensors of groups) {
    for (const [name, { shape, data }] of [...tensors].sort(([a], [b]) => (a < b ? -1 : 1))) {
      hash.update(JSON.stringify([name, shape]));
      hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
  }
  return hash.digest('hex');
}

export async function removeCheckpoint({ path }: CheckpointFile): Promise<void> {
  await rm(path, { force: true }).catch(() => {});
}
