import { ModelId } from '../schema/model-id.ts';
import type { EpochEntry } from '../validator/epoch-report.ts';
import type { Outcome } from '../validator/outcome.ts';
import type { Decided } from '../validator/receipts/draw-again.ts';
import { type NextEvaluation, nextEvaluations } from '../validator/receipts/next-evaluation.ts';
import type { Receipt } from '../validator/receipts/receipt.ts';
import type { EpochFacts } from './epoch-facts.ts';

/** A miner as of the last report. */
export interface Standing {
  uid: number;
  hotkey: string;
  /** As committed; `null` where nothing is. */
  pointer: string | null;
  /** Repository of the pointer; `null` where the pointer is none. */
  repo: string | null;
  /** Its line in the last report; `null` where it was not evaluated in that epoch. */
  entry: EpochEntry | null;
  /** The last that was found of it, and how many epochs ago; `null` where no report has anything. */
  found: { outcome: Outcome; epochsAgo: number } | null;
  weight: number;
  /** What came out for it in each epoch, the last one last; `null` where it was not evaluated. */
  history: (Outcome['kind'] | null)[];
  next: NextEvaluation;
}

/** Everybody with a pointer, a result or a weight: those with most weight first, then by loss. */
export function standingsOf(last: Receipt, epochs: EpochFacts[], decided: Decided | null): Standing[] {
  const { neurons, commitments } = last.inputs.epoch;
  const pointers = new Map(commitments.map(({ hotkey, text }) => [hotkey, text]));
  const entries = new Map(last.entries.map((entry) => [entry.hotkey, entry]));
  const weights = new Map(last.inputs.weighed.weights.map(({ hotkey, weight }) => [hotkey, weight]));
  const outcomes = epochs.map((epoch) => new Map(epoch.entries.map(({ hotkey, outcome }) => [hotkey, outcome])));
  const known = neurons.filter(
    ({ hotkey }) => pointers.has(hotkey) || entries.has(hotkey) || (weights.get(hotkey) ?? 0) > 0,
  );
  const next = nextOr(last, decided, known);
  const standings = known.map(({ uid, hotkey }): Standing => {
    const pointer = pointers.get(hotkey) ?? null;
    const decoded = ModelId.safeDecode(pointer ?? '');
    const at = outcomes.findLastIndex((epoch) => epoch.has(hotkey));
    return {
      ...{ uid, hotkey, pointer, repo: decoded.success ? decoded.data.repo : null },
      entry: entries.get(hotkey) ?? null,
      found: at < 0 ? null : { outcome: outcomes[at]!.get(hotkey)!, epochsAgo: outcomes.length - 1 - at },
      weight: weights.get(hotkey) ?? 0,
      history: outcomes.map((epoch) => epoch.get(hotkey)?.kind ?? null),
      next: next.get(hotkey) ?? { kind: 'unknown' },
    };
  });
  return standings.sort((a, b) => b.weight - a.weight || lossOf(a) - lossOf(b) || a.uid - b.uid);
}

export function lossOf({ found }: Pick<Standing, 'found'>): number {
  return found?.outcome.kind === 'scored' ? found.outcome.lossNatsPerToken : Number.POSITIVE_INFINITY;
}

function nextOr(last: Receipt, decided: Decided | null, known: { hotkey: string }[]): Map<string, NextEvaluation> {
  try {
    const hotkeys = known.map(({ hotkey }) => hotkey);
    return decided ? nextEvaluations(last, decided, hotkeys) : new Map();
  } catch {
    // A report with a queue that is none: the page stands without the chances.
    return new Map();
  }
}
