import type { Submission } from '../schema/submission.ts';
import { mapConcurrent } from '../shared/map-concurrent.ts';
import { BLOCKS_PER_DAY, type FetchedDataset, fetchDataset, keepOnDisk } from './fetch-dataset.ts';
import type { Ledger, LedgerEntry } from './ledger/ledger.ts';
import { packNumbers } from './ledger/packed.ts';
import { blockOf, type Position, toPosition } from './ledger/position.ts';
import { firstShownAt, namedAgain, type ShownDataset } from './ledger/showing.ts';
import type { Outcome } from './outcome.ts';
import type { ReadPointer } from './pointers.ts';
import { postponeOnFault, type Step } from './postpone.ts';
import { fingerprintName, type RowJudge } from './validator.ts';
import type { IsLate } from './watch-late.ts';

export interface ReadDatasetsParameters {
  ledger: Ledger;
  pointers: Map<string, ReadPointer>;
  /** When each pointer was committed, by hotkey. */
  positions: Map<string, Position>;
  /** Hotkeys. */
  drawn: string[];
  /** The current block. */
  block: number;
  isLate?: IsLate;
  signal?: AbortSignal;
}

export interface ReadDatasetsReturnType {
  /** Of drawn miners, ready to be trained on, in the order of the draw. */
  datasets: FetchedDataset[];
  /** Of miners that were refused, drawn or not, and of drawn ones that are postponed. */
  outcomes: Map<string, Outcome>;
  /** Hotkeys whose dataset was read for the first time, and could be by anybody. */
  seenReadable: Set<string>;
}

const PARALLEL_DOWNLOADS = 4;

/**
 * Reads the datasets of the drawn miners, and of everybody else those that were never read: who shows rows first must be
 * known before a copy of them is judged. What it finds goes into the ledger in the order of the uids, whichever download
 * ends first. What cannot be read now is left for the next epoch.
 */
export async function readDatasets(
  validator: RowJudge,
  { ledger, pointers, positions, drawn, block, isLate, signal }: ReadDatasetsParameters,
): Promise<ReadDatasetsReturnType> {
  const { parallelDownloads = PARALLEL_DOWNLOADS, state } = validator;
  const isDrawn = new Set(drawn);
  const unreadable = new Set<string>();
  const refusedBytes = new Map<string, number>();
  const valid = [...pointers.values()].flatMap((pointer) =>
    pointer.submission.ok ? { ...pointer, submission: pointer.submission.value } : [],
  );
  const steps = new Map<string, Step<FetchedDataset>>();
  await mapConcurrent(byDataset(valid), parallelDownloads, async (pointers) => {
    for (const pointer of pointers) {
      const step = await read(pointer);
      if (step !== null) steps.set(pointer.hotkey, step);
    }
  });

  const fetched = new Map<string, FetchedDataset>();
  const outcomes = new Map<string, Outcome>();
  for (const pointer of valid) {
    const { hotkey } = pointer;
    const step = steps.get(hotkey) ?? null;
    const entry = entryOf(ledger, pointer);
    const position = positions.get(hotkey)!;
    ledger.put(noted(entry, { ...pointer, position, step, isUnreadable: unreadable.has(hotkey) }));
    if (step?.kind === 'ready') fetched.set(hotkey, step.value);
    else if (step?.kind === 'rejected' || (step && isDrawn.has(hotkey))) outcomes.set(hotkey, step);
  }
  const seenReadable = new Set([...fetched].flatMap(([hotkey, { isNew }]) => (isNew ? hotkey : [])));
  return { datasets: drawn.flatMap((hotkey) => fetched.get(hotkey) ?? []), outcomes, seenReadable };

  /** `null` where nothing has to be read. */
  async function read({ hotkey, submission }: (typeof valid)[number]): Promise<Step<FetchedDataset> | null> {
    const known = ledger.showing(hotkey, submission.pointer);
    if (known && !isDrawn.has(hotkey) && (await state.fingerprints.has(fingerprintName(known)))) return null;
    const onUnreadable = () => unreadable.add(hotkey);
    const onRefused = (bytes: number) => refusedBytes.set(hotkey, bytes);
    const parameters = { entry: ledger.of(hotkey), block, onUnreadable, onRefused, signal };
    return postponeOnFault(() => fetchDataset(validator, submission, parameters));
  }

  /** What is known of a hotkey after its pointer was looked at. */
  function noted(
    entry: LedgerEntry,
    now: (typeof valid)[number] & { position: Position; step: Step<FetchedDataset> | null; isUnreadable: boolean },
  ): LedgerEntry {
    const { pointer, commitBlock } = now.submission;
    const known = entry.showings.find(({ repo, commit }) => repo === pointer.repo && commit === pointer.commit);
    const others = entry.showings.filter((one) => one !== known);
    const { claimBlocks } = validator.competition;
    if (now.step?.kind !== 'ready') {
      const { repo, commit } = pointer;
      const waits = now.isUnreadable ? { repo, commit, commitBlock, seenBlock: block } : entry.unreadable;
      const again = known && namedAgain(known, now.position, claimBlocks);
      const received = receivedWith(entry, refusedBytes.get(now.hotkey) ?? null);
      if (again === entry.showings[0] && waits === entry.unreadable && received === entry.received) return entry;
      return { ...entry, showings: again ? [again, ...others] : others, received, unreadable: waits };
    }
    const { sha256, rows, bytes, isNew, isFingerprinted } = now.step.value;
    const wasLate = seenLate(entry, now.submission) || isLate?.(now.submission);
    const position = wasLate ? toPosition(block, null, now.uid) : now.position;
    const dated = known?.rows === rows ? namedAgain(known, now.position, claimBlocks) : null;
    const file = { repo: pointer.repo, commit: pointer.commit, sha256, rows };
    // What its rows are compared by was made anew: meanwhile others may have shown them.
    const showing =
      dated === null ? shownFirst({ ...file, position }) : isFingerprinted ? withoutJudgement(dated) : dated;
    const received = receivedWith(entry, isNew ? bytes : null);
    const isSame = showing === entry.showings[0] && received === entry.received && entry.unreadable === null;
    return isSame ? entry : { ...entry, showings: [showing, ...others], received, unreadable: null };
  }

  /** What the hotkey has brought in the last day, once it brings more: what is refused has been read, too. */
  function receivedWith({ received }: LedgerEntry, bytes: number | null): LedgerEntry['received'] {
    if (bytes === null) return received;
    return [...received.filter((one) => one.block > block - BLOCKS_PER_DAY), { block, bytes }];
  }

  /** Whether an epoch after its time was over could not read a dataset. What nobody looked at came in time. */
  function seenLate({ unreadable }: LedgerEntry, { pointer, commitBlock }: Submission): boolean {
    if (unreadable?.repo !== pointer.repo || unreadable.commit !== pointer.commit) return false;
    const { readableWithinBlocks } = validator.competition;
    return unreadable.commitBlock === commitBlock && (unreadable.seenBlock ?? 0) >= commitBlock + readableWithinBlocks;
  }
}

function withoutJudgement({ judgement, ...showing }: ShownDataset): ShownDataset {
  return { ...showing, judgement: null, ...(judgement && { judgedBefore: judgement }) };
}

/**
 * Makes fingerprints anew that are missing of datasets no pointer names any more, so that they are compared again. What
 * cannot be had stays out of the comparison.
 * @returns when the rows of those that are back were shown first.
 */
export async function restoreFingerprints(
  validator: RowJudge,
  ledger: Ledger,
  { block, signal }: { block: number; signal?: AbortSignal },
): Promise<Position> {
  const { checker, competition, parallelDownloads = PARALLEL_DOWNLOADS } = validator;
  const { fingerprints } = validator.state;
  const byName = new Map<string, ShownDataset[]>();
  for (const showing of ledger.entries.flatMap(({ showings }) => showings)) {
    const name = fingerprintName(showing);
    byName.set(name, [...(byName.get(name) ?? []), showing]);
  }
  let earliest = Number.POSITIVE_INFINITY;
  await mapConcurrent([...byName], parallelDownloads, async ([name, showings]) => {
    if (await fingerprints.has(name)) return;
    // The same file may still be where another has shown it.
    for (const showing of showings) if (await restore(name, showing)) break;
    if (await fingerprints.has(name)) earliest = Math.min(earliest, ...showings.map(firstShownAt));
  });
  return earliest;

  async function restore(name: string, { sha256, rows, repo, commit }: ShownDataset): Promise<boolean> {
    const pointer = { repo, commit, competition: competition.id };
    const restored = await postponeOnFault(async () => {
      const file = await keepOnDisk(validator, { pointer }, { maxBytes: competition.maxBytes, block, signal });
      return file.ok ? checker.check({ path: file.value.path, competition, signal }) : file;
    });
    if (restored.kind !== 'ready' || restored.value.sha256 !== sha256 || restored.value.rows !== rows) return false;
    await fingerprints.write({ name, fingerprint: restored.value.fingerprint });
    return true;
  }
}

/** Pointers that name the same are read one after another: they share a file. */
function byDataset<T extends { submission: Submission }>(pointers: T[]): T[][] {
  const groups = new Map<string, T[]>();
  for (const one of pointers) {
    const { repo, commit } = one.submission.pointer;
    const key = `${repo} ${commit}`;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()];
}

function entryOf(ledger: Ledger, { hotkey, coldkey }: Pick<ReadPointer, 'hotkey' | 'coldkey'>): LedgerEntry {
  const known = ledger.of(hotkey);
  if (known) return known.coldkey === coldkey ? known : { ...known, coldkey };
  return { hotkey, coldkey, showings: [], received: [], unreadable: null };
}

/** A dataset of which nothing is known but when it is shown. */
export function shownFirst(
  dataset: Pick<ShownDataset, 'repo' | 'commit' | 'sha256' | 'rows' | 'position'>,
): ShownDataset {
  const shownAt = packNumbers(new Float64Array(dataset.rows).fill(dataset.position));
  return { ...dataset, shownAt, readable: true, beatsBaseline: null, lostBlock: null, judgement: null };
}

/** The block that a dataset counts from: a pointer whose data came too late counts from when it came. */
export function countsFrom(
  ledger: Ledger,
  { hotkey, pointer, commitBlock }: { hotkey: string; pointer: { repo: string; commit: string }; commitBlock: number },
): number {
  const showing = ledger.showing(hotkey, pointer);
  return Math.max(commitBlock, showing ? blockOf(showing.position) : commitBlock);
}
