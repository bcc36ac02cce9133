import { takenSet } from '../../../evaluation-sets/used-sets.ts';
import type { Receipt } from '../receipt.ts';
import { compareSets, linesByIndex } from './check-sets.ts';
import { compareWith, type Findings, firstDifference, jsonOf, shownValue } from './difference.ts';
import { asEarlierVersion } from './earlier-version.ts';
import type { Recomputed } from './recompute.ts';

/** What is kept of a receipt to look at the next one. */
export interface Link {
  startBlock: number;
  sha256: string;
  signer: string;
  /** `null` where it could not be computed. */
  after: Recomputed['after'] | null;
  /** What losses rest on, by its place. */
  rules: [string, unknown][];
  /** Lines of the list of time-locked evaluation sets, by number; none where there are no such sets. */
  sets: Map<number, string>;
  /** The sets that losses of all reports so far are on, by the hash of their rows: where they were used first. */
  taken: ReadonlyMap<string, { index: number; startBlock: number }>;
  /** Blocks of registration, by hotkey, when the epoch began. */
  registered: Map<string, number>;
  end: { block: number; hotkeys: Set<string> };
}

export interface LinkOfParameters extends Pick<Link, 'sha256' | 'after'> {
  /** As for {@link checkLink}. */
  before: Link | null;
}

/** What the next receipt is compared with. */
export function linkOf(receipt: Receipt, { sha256, after, before }: LinkOfParameters): Link {
  const { startBlock, signer, inputs } = receipt;
  const { block, neurons } = inputs.end;
  return {
    ...{ startBlock, sha256, signer, after },
    rules: rulesOf(receipt),
    sets: linesByIndex(inputs.sets ?? { lines: [] }),
    taken: takenBy(receipt, before),
    registered: new Map(inputs.epoch.neurons.map(({ hotkey, registrationBlock }) => [hotkey, registrationBlock])),
    end: { block, hotkeys: new Set(neurons.map(({ hotkey }) => hotkey)) },
  };
}

function rulesOf({ inputs, trainer }: Receipt): [string, unknown][] {
  return [
    ['inputs.competition', inputs.competition],
    // Each epoch has another one where sets are time-locked.
    ['inputs.evaluation', inputs.sets ? null : inputs.evaluation],
    ['trainer.baseSha256', trainer.baseSha256],
  ];
}

function takenBy(receipt: Receipt, before: Link | null): Link['taken'] {
  const taken = before?.taken ?? new Map();
  const { index, sha256 } = takenIn(receipt) ?? {};
  if (sha256 === undefined || index === undefined || taken.has(sha256)) return taken;
  return new Map([...taken, [sha256, { index, startBlock: receipt.startBlock }]]);
}

/** The set that losses are on, and its rows; `null` where it is no time-locked one. */
function takenIn({ inputs }: Receipt): { index: number; sha256: string } | null {
  const taken = inputs.sets && takenSet(inputs.sets);
  return taken ? { index: taken.index, sha256: inputs.evaluation.sha256 } : null;
}

export interface CheckLinkParameters {
  receipt: Receipt;
  /** The one before among those given; `null` for the first. */
  before: Link | null;
  /** Whose receipts they should be; `null`: those of the first one's signer. */
  signer: string | null;
}

/** Whether a receipt goes on where the one before has ended: hash, signer, and all that an epoch takes from the last. */
export function checkLink({ receipt, before, signer }: CheckLinkParameters): Findings {
  const findings: Findings['findings'] = [];
  const unchecked: string[] = [];
  const { previous, startBlock, inputs } = receipt;
  const expected = signer ?? before?.signer ?? receipt.signer;
  if (receipt.signer !== expected) findings.push({ place: 'signer', why: `is ${receipt.signer}, not ${expected}` });
  if (previous !== null && previous.startBlock >= startBlock)
    findings.push({
      place: 'previous.startBlock',
      why: `is ${previous.startBlock}, and this report is of block ${startBlock}: they are out of order`,
    });
  if (before === null) {
    if (previous !== null)
      unchecked.push(`the report of block ${previous.startBlock} before the first, which was not given`);
    return { findings, unchecked };
  }
  if (before.startBlock === startBlock)
    findings.push({ place: 'startBlock', why: `is ${startBlock}, of which there is another report` });
  else if (previous?.startBlock !== before.startBlock) {
    const named = previous === null ? 'no report' : `the report of block ${previous.startBlock}`;
    findings.push({
      place: 'previous',
      why: `names ${named} as the one before, and of those given it is that of block ${before.startBlock}: give all of them`,
    });
  } else if (previous.sha256 !== before.sha256)
    findings.push({
      place: 'previous.sha256',
      why: `is not the hash of the report of block ${before.startBlock}: that one was replaced, or this one is of another chain`,
    });
  else if (inputs.lastStartBlock === before.startBlock) {
    if (before.after !== null) compareStates(before.after, before.startBlock);
  } else if (isBetween(inputs.lastStartBlock, before.startBlock, startBlock))
    unchecked.push(
      `averages, verdicts that stand, the policy's memory and the queue, which it took from the epoch of block ${inputs.lastStartBlock}, whose report could not be stored: this one follows that of block ${before.startBlock}`,
    );
  else
    findings.push({
      place: 'inputs.lastStartBlock',
      why: `is ${inputs.lastStartBlock}, and the report before is of block ${before.startBlock}: the epoch did not go on from there`,
    });
  compareRules(before);
  compareSetsOf(before);
  compareRegistered(before);
  return { findings, unchecked };

  /** An operator may change these; who reads the reports should know. */
  function compareRules({ rules, startBlock: block }: Link): void {
    for (const [i, [place, seen]] of rulesOf(receipt).entries()) {
      const difference = firstDifference(seen, rules[i]![1], place);
      if (difference)
        unchecked.push(
          `why ${difference.place} is ${shownValue(difference.seen)}, and was ${shownValue(difference.expected)} in the report of block ${block}`,
        );
    }
  }

  /** No fault of the validator: who lists the sets has to answer for it. */
  function compareSetsOf({ sets, taken }: Link): void {
    const rule = inputs.competition.evaluationSets;
    if (!inputs.sets || !rule) return;
    unchecked.push(...compareSets(rule, sets, inputs.sets));
    const now = takenIn(receipt);
    const first = now && taken.get(now.sha256);
    if (first && first.index !== now.index)
      unchecked.push(
        `why evaluation set ${now.index} has the rows of set ${first.index}, which everybody could read since the epoch of block ${first.startBlock}`,
      );
  }

  /** Who was registered before and after was so in between. */
  function compareRegistered({ registered, end, startBlock: block }: Link): void {
    if (end.block > startBlock) return;
    const missing = inputs.epoch.neurons.find(
      ({ hotkey, registrationBlock }) => registered.get(hotkey) === registrationBlock && !end.hotkeys.has(hotkey),
    );
    if (missing)
      findings.push({
        place: 'inputs.epoch.neurons',
        why: `have ${missing.hotkey}, registered since block ${missing.registrationBlock}, whom the report of block ${block} left out of inputs.end.neurons`,
      });
  }

  function compareStates({ standings, memory, queue }: Recomputed['after'], block: number): void {
    const { drawnFrom } = inputs.epoch;
    const compared: [string, unknown, unknown][] = [
      ['inputs.standings', inputs.standings, standings],
      ['inputs.memory', inputs.memory, memory],
    ];
    if (drawnFrom?.dropped === null && queue !== null)
      compared.push(['inputs.epoch.drawnFrom.queue', drawnFrom.queue, queue]);
    else unchecked.push('the queue that it was drawn from: an epoch was dropped before, or nothing is stored of it');
    const compare = compareWith(findings);
    for (const [place, seen, expected] of compared) {
      const ended = asEarlierVersion(jsonOf(expected), seen, inputs.competition);
      compare(place, seen, ended, `the epoch of block ${block} ended with`);
    }
  }
}

function isBetween(block: number | null, after: number, before: number): boolean {
  return block !== null && after < block && block < before;
}
