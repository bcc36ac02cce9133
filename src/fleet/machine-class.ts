import { PACKAGE_VERSION } from '../shared/own-package.ts';
import type { TrainerFacts } from '../trainer/process/trainer-parameters.ts';
import type { MachineClass } from './wire.ts';

const NAMES: Record<keyof MachineClass, string> = {
  packageVersion: 'version of flock-off',
  baseSha256: 'base model',
  backend: 'device',
  precision: 'precision',
};
const KEYS = Object.keys(NAMES) as (keyof MachineClass)[];

export function classOf({ backend, precision, weightStorage, baseSha256 }: TrainerFacts): MachineClass {
  const { name, packageVersion, libraryVersion, cuda } = backend;
  const library = libraryVersion ? `, TensorFlow ${libraryVersion}` : '';
  return {
    packageVersion: PACKAGE_VERSION,
    baseSha256,
    // tfjs-node and tfjs-node-gpu are one addon, linked with another library.
    backend: `${name.replace(/-gpu$/, '')} ${packageVersion}${library} on ${cuda ? 'a GPU' : 'the CPU'}`,
    precision: `${precision.matmul}${precision.xla ? ' with XLA' : ''}, matrices stored as ${weightStorage.dtype}`,
  };
}

/** Why losses of one cannot be compared with those of the other: a clause; `null` where they can. */
export function differenceOf(expected: MachineClass, seen: MachineClass): string | null {
  const differing = KEYS.filter((name) => expected[name] !== seen[name]);
  if (differing.length === 0) return null;
  return differing
    .map((name) => `its ${NAMES[name]} is ${seen[name]}, and that of the others is ${expected[name]}`)
    .join('; ');
}

/** For people. */
export function classText({ backend, precision }: MachineClass): string {
  return `${backend}, ${precision}`;
}
