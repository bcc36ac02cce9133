import { meanLoss, unpackRowLosses } from '../validator/row-losses.ts';
import { differenceOf } from './machine-class.ts';
import { type Failure, type Found, SignedFailure, SignedFound, type Task, taskHash, textToSign } from './wire.ts';
import { isSignedBy } from './worker-key.ts';

/** What one worker found. */
export interface Opinion {
  worker: string;
  checked: Found['checked'];
}

/** Verdicts that training can come to. */
const OF_TRAINING = new Set(['too-many-tokens', 'no-labels', 'diverged']);
/** Sums of losses in another order. */
const ROUNDING = 1e-6;

/**
 * The opinion in a job's result, where a worker that is trusted signed it for this very task.
 * @returns a clause of what is wrong with it elsewhere.
 */
export function readOpinion(value: unknown, task: Task, isTrusted: (worker: string) => boolean): Opinion | string {
  const parsed = SignedFound.safeParse(value);
  if (!parsed.success) return 'is no result';
  const { found, worker, signature } = parsed.data;
  if (!isTrusted(worker)) return `is of a worker that is not taken, ${worker}`;
  const by = `of worker ${shortKey(worker)}`;
  if (!isSignedBy(worker, textToSign('found', found), signature)) return `${by} does not have its signature`;
  if (found.task !== taskHash(task)) return `${by} is of another task`;
  const difference = differenceOf(task.machine, found.machine);
  if (difference) return `${by} cannot be compared: ${difference}`;
  const { checked } = found;
  if (!checked.ok) {
    const isPossible = task.kind === 'score' && OF_TRAINING.has(checked.verdict.reason);
    return isPossible || (task.kind === 'base' && checked.verdict.reason === 'diverged')
      ? { worker, checked }
      : `${by} has a verdict that training cannot come to`;
  }
  if (task.kind === 'probe') return { worker, checked };
  const losses = unpackRowLosses(checked.rowLosses, task.evaluation.rows);
  const mean = losses && meanLoss(losses);
  if (mean === null || Math.abs(mean - checked.lossNatsPerToken) > ROUNDING * mean)
    return `${by} has losses by row that its loss does not follow from`;
  return { worker, checked };
}

/** Why a job failed, and the trusted worker that signed so; nobody where whoever can write to the queue may have said it. */
interface ReadFailure {
  failure: Pick<Failure, 'code' | 'what' | 'attempt'>;
  worker: string | null;
}

/** What is said in a job's failure. @returns `null` where it is none that a worker says. */
export function readFailure(value: unknown, task: Task, isTrusted: (worker: string) => boolean): ReadFailure | null {
  const parsed = SignedFailure.safeParse(value);
  if (!parsed.success) return null;
  const { failure, worker, signature } = parsed.data;
  const isTheirs =
    isTrusted(worker) &&
    isSignedBy(worker, textToSign('failure', failure), signature) &&
    failure.task === taskHash(task);
  return { failure, worker: isTheirs ? worker : null };
}

/** Whether two workers found the same, as far as their devices do. */
export function agree(one: Opinion, other: Opinion, tolerance: number): boolean {
  const [a, b] = [one.checked, other.checked];
  if (!a.ok || !b.ok) return !a.ok && !b.ok && a.verdict.reason === b.verdict.reason;
  return (
    Math.abs(a.lossNatsPerToken - b.lossNatsPerToken) <= tolerance * Math.min(a.lossNatsPerToken, b.lossNatsPerToken)
  );
}

export function opinionText({ worker, checked }: Opinion): string {
  return `${shortKey(worker)} found ${checked.ok ? checked.lossNatsPerToken : checked.verdict.reason}`;
}

/** Enough of a key for people. */
export function shortKey(worker: string): string {
  return worker.slice(0, 12);
}
