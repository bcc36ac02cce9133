import { FlockOffError } from '../errors/flock-off-error.ts';
import { checkerWorks, trainerWorks } from './device-works.ts';
import type { FetchedDataset } from './fetch-dataset.ts';
import { hubServes } from './hub-serves.ts';
import type { Outcome, Postponed } from './outcome.ts';
import type { Served } from './standing.ts';
import type { Validator } from './validator.ts';

/** Whose evaluation worked: tells one miner's broken dataset from an outage of ours, which the epoch waits for. */
export async function servedBy(
  validator: Validator,
  datasets: FetchedDataset[],
  outcomes: Map<string, Outcome>,
  signal?: AbortSignal,
): Promise<Served> {
  const all = [...outcomes.values()];
  const isScored = all.some(({ kind }) => kind === 'scored');
  const failed = (by: 'checker' | 'trainer') =>
    all.find((outcome): outcome is Postponed => outcome.kind === 'postponed' && outcome.by === by);
  const trainer = isScored || (failed('trainer') !== undefined && (await trainerWorks(validator, signal)));
  const checker = failed('checker') !== undefined && (await checkerWorks(validator, signal));
  const broken = (trainer ? undefined : failed('trainer')) ?? (checker || isScored ? undefined : failed('checker'));
  if (broken) throw nothingWorks(broken);
  return { hub: await hubServes(validator, datasets, outcomes, signal), checker, trainer, miner: isScored };
}

function nothingWorks({ by, message }: Postponed): FlockOffError {
  return new FlockOffError({
    code: by === 'checker' ? 'checker-failed' : 'trainer-failed',
    what: `not one dataset of this epoch could be ${by === 'checker' ? 'checked' : 'trained on'}: ${message.replace(/\.$/, '')}`,
    fix: 'the epoch goes on from here as soon as that works again',
    transient: true,
  });
}
