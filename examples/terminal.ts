import {
  blocksText,
  clockText,
  type Outcome,
  placeIn,
  type Trainer,
  type TrainProgress,
  type ValidatorSnapshot,
  type WatchedValidator,
  type WatchListener,
} from 'flock-off';
import { printable } from './printable.ts';
import type { Around } from './status.ts';
import type { Progress } from './status-line.ts';

export interface ShowEventsParameters {
  say: (line: string) => void;
  doing?: (what: string | null, progress?: Progress, around?: Around) => void;
  /** Tells which miner of how many it is, and when weights go out. Default: neither is told. */
  watch?: WatchedValidator;
  /** Weights go out so many blocks before the subnet's epoch ends. */
  blockThreshold?: number;
}

/**
 * Says what a validator does: a line for what has happened, and for what takes time how far it has come. Without a
 * terminal, which shows a bar, the first and the last step of a training have lines, too.
 */
export function showEvents({ watch, blockThreshold = 0, ...to }: ShowEventsParameters): WatchListener {
  /** Of several competitions, which one it is about. */
  let of = '';
  const say = (line: string) => to.say(printable(`${of}${line}`));
  const around: Around | undefined = watch && (() => aroundOf(watch.snapshot(), blockThreshold));
  const doing = (what: string | null, progress?: Progress) => to.doing?.(what && `${of}${what}`, progress, around);
  let waiting: { fromBlock: number; untilBlock: number } | null = null;
  return (event, competition) => {
    of = competition && watch?.isOfSeveral ? `${competition}: ` : '';
    if (event.kind === 'block') return wait(event.block);
    if (event.kind === 'training') return train(event.uid, event.progress);
    if (event.kind === 'evaluating') {
      const { rowsDone: at, rows: of } = event.progress;
      return doing(`uid ${event.uid}: evaluating`, { at, of, unit: 'rows' });
    }
    if (event.kind === 'drawn') {
      const how = event.resumed ? 'goes on with' : 'draws';
      say(`block ${event.block}: the epoch ${how} ${event.hotkeys.length} miners, seed ${event.epochSeed}`);
    } else if (event.kind === 'fetching') {
      say(`uid ${event.uid}: downloading ${event.repo}`);
      doing(`uid ${event.uid}: downloading ${event.repo}`);
    } else if (event.kind === 'settled') {
      doing(null);
      say(`uid ${event.uid}: ${inWords(event.outcome)}`);
    } else if (event.kind === 'opening') {
      doing(`waiting for the evaluation set, looked for again at block ${event.untilBlock}`);
    } else if (event.kind === 'waiting') {
      const { block, untilBlock } = event;
      const chain = watch?.snapshot().chain;
      const blocks = blocksText(untilBlock - block, chain?.blockTimeMs ?? BLOCK_TIME_MS);
      say(`block ${block}: weights are sent at block ${untilBlock}, in ${blocks}`);
      waiting = { fromBlock: block, untilBlock };
      wait(block);
    } else if (event.kind === 'finished') waiting = null;
  };

  function wait(block: number): void {
    if (waiting === null) return;
    const { fromBlock, untilBlock } = waiting;
    const of = Math.max(0, untilBlock - fromBlock);
    doing(`waiting for block ${untilBlock}`, { at: Math.max(0, Math.min(of, block - fromBlock)), of, unit: 'blocks' });
  }

  function train(uid: number, { step, steps, lossNatsPerToken, tokensPerSecond }: TrainProgress): void {
    const more = [`loss ${lossNatsPerToken.toFixed(3)}`, `${Math.round(tokensPerSecond)} tokens/s`];
    doing(`uid ${uid}: training`, { at: step, of: steps, unit: 'steps', more });
    if (!process.stdout.isTTY && (step === 1 || step === steps))
      say(`uid ${uid}: training step ${step}/${steps}, ${more.join(', ')}`);
  }
}

/** Subtensor's. */
const BLOCK_TIME_MS = 12_000;

/** "miner 4 of 7" and "weights at 14:32", as far as they are known. */
function aroundOf({ epoch, chain, atMs }: ValidatorSnapshot, blockThreshold: number): ReturnType<Around> {
  if (!epoch) return {};
  const place = epoch.weightsBlock === null ? placeIn(epoch) : null;
  const until = epoch.weightsBlock ?? (chain?.nextEpochBlock == null ? null : chain.nextEpochBlock - blockThreshold);
  if (!chain || until === null) return { place };
  const leftMs = (until - chain.block) * chain.blockTimeMs;
  return { place, next: leftMs > 0 ? `weights at ${clockText(chain.blockSeenMs + leftMs, atMs)}` : 'weights are due' };
}

function inWords(outcome: Outcome): string {
  if (outcome.kind === 'scored') return `evaluation loss ${outcome.lossNatsPerToken.toFixed(4)} nats per token`;
  return outcome.kind === 'rejected'
    ? `${outcome.verdict.reason}, ${outcome.verdict.message}`
    : `postponed, ${outcome.message}`;
}

/** Such as "tfjs-node-gpu 4.22.0, TensorFlow 2.21.0 on the CPU, matrices in float32 (the model is small)". */
export function backendText({ backend, precision }: Pick<Trainer, 'backend' | 'precision'>): string {
  const { name, packageVersion, libraryVersion, cuda } = backend;
  const library = libraryVersion ? `, TensorFlow ${libraryVersion} on ${cuda ? 'a CUDA device' : 'the CPU'}` : '';
  return `${name} ${packageVersion}${library}, matrices in ${precision.matmul} (${precision.reason})`;
}
