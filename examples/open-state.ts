import { join } from 'node:path';
import { ValidatorState } from 'flock-off';

export interface OpenStateParameters {
  /** The validator's data folder. */
  folder: string;
  /** Whether a damaged state is repaired first. */
  repair: boolean;
  say: (line: string) => void;
}

/** Opens the validator's state, and tells what a repair gave back. */
export async function openState({ folder, repair, say }: OpenStateParameters): Promise<ValidatorState> {
  const path = join(folder, 'state');
  const repaired = repair && (await ValidatorState.repair({ path }));
  if (repaired)
    say(`the state was repaired and holds ${repaired.message}; the damaged one is in ${repaired.damagedPath}`);
  return ValidatorState.open({ path });
}
