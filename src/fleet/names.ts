import { createHash } from 'node:crypto';
import { canonicalJson } from '../shared/canonical-json.ts';
import { type About, FORMAT } from './wire.ts';

// How queues, boards and the notes on them are called: the same in validator and workers.

/** The board where the queues of a server are listed, by name. */
export const DIRECTORY = 'flock-off-queues';
/** Notes of the validator: what its queue is about, and its roll call. */
export const ABOUT = 'about';
export const ROLL_CALL = 'roll-call';

/**
 * The queue of one validator, subnet and competition, in this format: those of others do not mix with it, and workers of another
 * format sit on a queue of their own.
 */
export function queueName({
  genesisHash,
  hotkey,
  netuid,
  competition,
}: Pick<About, 'genesisHash' | 'hotkey' | 'netuid' | 'competition'>): string {
  const name = createHash('sha256')
    .update(canonicalJson([FORMAT, genesisHash, hotkey, netuid, competition]))
    .digest('hex');
  return `flock-off-${name.slice(0, 16)}`;
}

/** What the validator of a queue and its workers say. */
export function boardName(queue: string): string {
  return `${queue}-board`;
}

/** Evaluation sets are long, and boards are read whole. */
export function evaluationBoardName(queue: string): string {
  return `${queue}-evaluations`;
}

export function evaluationNote(textSha256: string): string {
  return `evaluation-${textSha256}`;
}

export function workerNote(worker: string): string {
  return `worker-${worker}`;
}

const WORKER_NOTE = /^worker-([0-9a-f]{64})$/;

/** Whose note it is; `undefined` where it is another one. */
export function workerOfNote(name: string): string | undefined {
  return WORKER_NOTE.exec(name)?.[1];
}
