import { FlockOffError } from '../../errors/flock-off-error.ts';
import type { OnDiskParameters } from '../../shared/on-disk.ts';
import { VERSION } from './head.ts';

export function stateLocked(path: string, cause?: unknown): FlockOffError {
  return new FlockOffError({
    code: 'state-locked',
    what: `the validator state in ${path} is in use by another process`,
    fix: 'stop the other validator, or give this one its own --data_dir',
    facts: { path },
    cause,
  });
}

export function stateOfLaterVersion(path: string, version: number): FlockOffError {
  return new FlockOffError({
    code: 'bad-argument',
    what: `the validator state in ${path} was written by a later version of flock-off (format ${version}, this one knows ${VERSION})`,
    fix: 'update flock-off, or give this version its own --data_dir',
    facts: { name: path, value: version, most: VERSION },
  });
}

/** What the system refuses while a state is opened. */
export function openFault(path: string): OnDiskParameters {
  return {
    path,
    what: `the validator state in ${path} cannot be opened`,
    fix: 'check the free space and the rights of that folder',
  };
}
