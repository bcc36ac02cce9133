import { canonicalJson } from '../shared/canonical-json.ts';
import type {
  OpenWorkerTrainerParameters,
  RunFleetWorkerParameters,
  WorkerTrainer,
} from './fleet-worker-parameters.ts';
import { classOf } from './machine-class.ts';
import type { About, Hello, MachineClass } from './wire.ts';

/** A worker's trainer, and what it was opened for. */
export interface Loaded extends Omit<OpenWorkerTrainerParameters, 'signal'> {
  trainer: WorkerTrainer;
  machine: MachineClass;
}

export async function load(
  { openTrainer }: Pick<RunFleetWorkerParameters, 'openTrainer'>,
  { base, recipe }: Pick<About, 'base' | 'recipe'>,
  signal: AbortSignal,
): Promise<Loaded> {
  const trainer = await openTrainer({ base, recipe, signal });
  return { base, recipe, trainer, machine: classOf(trainer) };
}

/** What a worker says of what it has loaded. */
export function shownOf({ base, machine, trainer }: Loaded): Pick<Hello, 'base' | 'machine' | 'facts'> {
  const { backend, precision, weightStorage, baseSha256 } = trainer;
  return { base, machine, facts: { backend, precision, weightStorage, baseSha256 } };
}

/** Whether it is what the validator names. */
export function isFor(one: Pick<About, 'base' | 'recipe'>, other: Pick<About, 'base' | 'recipe'>): boolean {
  return canonicalJson([one.base, one.recipe]) === canonicalJson([other.base, other.recipe]);
}
