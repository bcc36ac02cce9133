import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { checkerKey } from '../dataset/checker/checker-key.ts';
import { rowDigest } from '../dataset/row-digest.ts';
import { isCode } from '../errors/flock-off-error.ts';
import type { Competition } from '../schema/competition.ts';
import type { Submission } from '../schema/submission.ts';
import { accept, type Checked, reject, type Verdict } from '../schema/verdict.ts';
import { safeLogger } from '../shared/logger.ts';
import { onDisk } from '../shared/on-disk.ts';
import { sha256OfFile } from '../shared/sha256-of-file.ts';
import { timed } from '../shared/timed.ts';
import { datasetFolder, datasetPath, markUsed } from './dataset-cache.ts';
import { checkerWorks } from './device-works.ts';
import type { LedgerEntry } from './ledger/ledger.ts';
import type { Postponed } from './outcome.ts';
import { intakeOf } from './policy.ts';
import type { FileFinding } from './state-store.ts';
import { cacheOf, fingerprintName, type RowJudge } from './validator.ts';

/** A submission whose dataset lies checked on this disk; rows are read again when they are trained on. */
export interface FetchedDataset {
  submission: Submission;
  path: string;
  sha256: string;
  bytes: number;
  rows: number;
  /** True when the Hub sent it now, false when it was on this disk. */
  downloaded: boolean;
  /** True when this hotkey shows it for the first time. */
  isNew: boolean;
  /** True when what its rows are compared by was missing, and was made now. */
  isFingerprinted: boolean;
}

export interface FetchParameters {
  /** What is known of the hotkey. */
  entry: LedgerEntry | undefined;
  /** The current block. */
  block: number;
  /** Called where nobody can read the dataset now. */
  onUnreadable: () => void;
  /** Called where a file that was read is refused. */
  onRefused: (bytes: number) => void;
  signal?: AbortSignal;
}

/** Blocks in which a hotkey's bytes are counted. */
export const BLOCKS_PER_DAY = 7_200;

/**
 * Downloads the dataset of a submission at its pinned commit, unless this disk has it, and checks it, unless that was done.
 * A pinned commit never changes, so a repository deleted after its first download is still scored, and a file that was
 * refused is neither downloaded nor read again. Only access is asked again each time, since that can change.
 * @throws FlockOffError for faults of the hub or the disk.
 */
export async function fetchDataset(
  validator: RowJudge,
  submission: Submission,
  parameters: FetchParameters,
): Promise<Checked<FetchedDataset> | Postponed> {
  const { uid, hotkey, pointer } = submission;
  const { entry, block, signal } = parameters;
  const { state, checker, competition } = validator;
  const logger = safeLogger(validator.logger);
  const refused = await refusedBefore(validator, submission, block);
  if (refused) return { ok: false, verdict: refused };
  validator.onEvent?.({ kind: 'fetching', uid, repo: pointer.repo });
  const isNew = !entry?.showings.some(({ repo, commit }) => repo === pointer.repo && commit === pointer.commit);
  if (isNew) {
    const own = await requireOwn(validator, hotkey, { ...pointer, signal });
    if (!own.ok) return own;
  }
  const room = isNew ? roomToday(validator, parameters) : competition.maxBytes;
  if (room <= 0) return waitsForRoom(validator, parameters);
  const file = await keepOnDisk(validator, submission, { maxBytes: room, block, signal });
  if (!file.ok) {
    const isTooLarge = file.verdict.reason === 'dataset-too-large';
    if (isTooLarge && room < competition.maxBytes) return waitsForRoom(validator, parameters);
    if (isTooLarge) await state.putFileFinding({ key: pointerKey(validator, submission), checked: file, block });
    if (isUnreadable(file.verdict)) parameters.onUnreadable();
    return waitsToBeReadable(validator, submission, { verdict: file.verdict, block }) ?? file;
  }
  const { path, sha256, bytes, downloaded } = file.value;
  validator.onEvent?.({ kind: 'fetched', uid, bytes, downloaded });
  if (isNew && !(await validator.datasets.isReadable({ ...pointer, signal }))) {
    // It came with a token that other validators do not have.
    if (downloaded) parameters.onRefused(bytes);
    parameters.onUnreadable();
    const { verdict } = readableToUsOnly(pointer.repo);
    return waitsToBeReadable(validator, submission, { verdict, block }) ?? { ok: false, verdict };
  }
  if (!downloaded) logger.debug(`uid ${uid}: ${pointer.repo} at ${pointer.commit} is on this disk already`);
  let isFingerprinted = false;
  const checked = await checkOnce();
  if ('kind' in checked) return checked;
  if (!checked.ok) {
    parameters.onRefused(bytes);
    return checked;
  }
  return accept({ submission, path, sha256, bytes, rows: checked.value.rows, downloaded, isNew, isFingerprinted });

  async function checkOnce(): Promise<Checked<{ rows: number }> | Postponed> {
    const key = fileKey(validator, sha256);
    const known = await state.fileFinding(key);
    const hasFingerprint = await state.fingerprints.has(fingerprintName({ sha256 }));
    if (known?.checked && (!known.checked.ok || hasFingerprint)) {
      await keepFinding(validator, { key, ...known }, block);
      return known.checked;
    }
    const failures = known?.failures ?? 0;
    if (known && block < known.block + blocksAfter(failures, competition)) return waitsForAnotherTry(failures);
    const allowedRows = mustBeEvaluationRows(validator) ? new Set(validator.evaluation.rows.map(rowDigest)) : undefined;
    const checking = () => checker.check({ path, competition, allowedRows, signal });
    const found = await timed(logger, `uid ${uid}: checking ${path}`, checking).catch(async (error: unknown) => {
      // Where it can check nothing, that says nothing of this file.
      if (isCode(error, 'checker-failed') && (await checkerWorks(validator, signal)))
        await state.putFileFinding({ key, checked: null, failures: failures + 1, block });
      throw error;
    });
    if (found.ok)
      await state.fingerprints.write({ name: fingerprintName({ sha256 }), fingerprint: found.value.fingerprint });
    const checked = found.ok ? accept({ rows: found.value.rows }) : found;
    await state.putFileFinding({ key, checked, block });
    isFingerprinted = checked.ok && !hasFingerprint;
    return checked;
  }
}

/**
 * Downloads the dataset of a submission unless it lies on this disk as it came, and keeps other validators that share the
 * cache from removing it.
 * @throws FlockOffError for faults of the hub or the disk.
 */
export async function keepOnDisk(
  validator: RowJudge,
  { pointer: { repo, commit } }: Pick<Submission, 'pointer'>,
  { maxBytes, block, signal }: { maxBytes: number; block: number; signal?: AbortSignal },
): Promise<Checked<{ path: string; sha256: string; bytes: number; downloaded: boolean }>> {
  const { state, datasets } = validator;
  const folder = datasetFolder(validator.cacheDir, repo, commit);
  const path = datasetPath(validator.cacheDir, repo, commit);
  await onDisk(folder, () => markUsed(folder, cacheOf(validator)));
  const stored = await state.download({ repo, commit });
  if (stored !== null && stored.sha256 === (await onDisk(path, () => sha256OfFile(path))))
    return accept({ path, sha256: stored.sha256, bytes: stored.bytes ?? 0, downloaded: false });
  // A file that is there may be another validator's, and good: it stays until this one is complete.
  // Its name is this validator's own and stays the same, so that a restart goes on with what has arrived.
  const to = join(folder, `data-of-${state.id}.jsonl`);
  const file = await datasets.download({ repo, commit, to, maxBytes, signal });
  if (!file.ok) return file;
  await onDisk(path, () => rename(to, path));
  const { sha256, bytes } = file.value;
  await state.putDownload({ repo, commit, sha256, bytes, block });
  return accept({ path, sha256, bytes, downloaded: true });
}

/** The verdict on the content of a dataset that was read before, wherever that was. */
async function refusedBefore(validator: RowJudge, submission: Submission, block: number): Promise<Verdict | null> {
  const { state } = validator;
  const { repo, commit } = submission.pointer;
  const download = await state.download({ repo, commit });
  const keys = [pointerKey(validator, submission), ...(download ? [fileKey(validator, download.sha256)] : [])];
  for (const key of keys) {
    const known = await state.fileFinding(key);
    if (!known?.checked || known.checked.ok) continue;
    await keepFinding(validator, { key, ...known }, block);
    return known.checked.verdict;
  }
  return null;
}

/** What is found in a file is forgotten a day after it was last needed; it is dated anew now and then. */
async function keepFinding({ state }: RowJudge, finding: FileFinding & { key: string }, block: number): Promise<void> {
  if (block - finding.block > BLOCKS_PER_DAY / 2) await state.putFileFinding({ ...finding, block });
}

/** Blocks after which a file is tried again on which the checking process failed: at once, after an epoch, after three ... */
function blocksAfter(failures: number, { blocksPerEpoch }: Competition): number {
  return failures === 0 ? 0 : Math.min(BLOCKS_PER_DAY / 2, blocksPerEpoch * (2 ** (failures - 1) - 1));
}

function waitsForAnotherTry(failures: number): Postponed {
  const message = `the file could not be checked ${failures} times, though others can: it waits for another try`;
  return { kind: 'postponed', by: 'checker', message };
}

function fileKey(validator: RowJudge, sha256: string): string {
  const from = mustBeEvaluationRows(validator) ? ` of ${validator.evaluation.sha256}` : '';
  return `${sha256} ${checkerKey(validator.competition)}${from}`;
}

function mustBeEvaluationRows(validator: RowJudge): boolean {
  return intakeOf(validator).evaluationRows === 'require';
}

/** For a file that is too large to be hashed. */
function pointerKey({ competition }: RowJudge, { pointer: { repo, commit } }: Submission): string {
  return `${repo} ${commit} ${checkerKey(competition)}`;
}

/** A repository that names its owners is theirs alone. */
async function requireOwn(
  { datasets }: RowJudge,
  hotkey: string,
  version: { repo: string; commit: string; signal?: AbortSignal },
): Promise<Checked<null>> {
  const owners = await datasets.owners(version);
  if (!owners.ok) return owners;
  if (owners.value === null || owners.value.includes(hotkey)) return accept(null);
  const [first, ...more] = owners.value;
  const named = more.length > 0 ? `${first} and ${more.length} more` : first;
  return reject('foreign-dataset', `${version.repo} names ${named} as its owner, not ${hotkey}`, {
    owners: owners.value.slice(0, 20),
  });
}

/** Bytes that may be read of a hotkey now. The first dataset of a day is read whatever the day's budget is. */
function roomToday({ competition: { maxBytes, maxBytesPerDay } }: RowJudge, { entry, block }: FetchParameters): number {
  const spent = bytesSince(entry, block - BLOCKS_PER_DAY);
  return spent === 0 ? maxBytes : Math.min(maxBytes, maxBytesPerDay - spent);
}

function bytesSince(entry: LedgerEntry | undefined, sinceBlock: number): number {
  const recent = entry?.received.filter(({ block }) => block > sinceBlock) ?? [];
  return recent.reduce((sum, { bytes }) => sum + bytes, 0);
}

function waitsForRoom({ competition }: RowJudge, { entry, block }: FetchParameters): Postponed {
  const spent = bytesSince(entry, block - BLOCKS_PER_DAY);
  const limit = `at most ${competition.maxBytesPerDay} are read in ${BLOCKS_PER_DAY} blocks`;
  return {
    kind: 'postponed',
    by: 'miner',
    message: `the hotkey has brought ${spent} bytes of new datasets lately, ${limit}: this one waits`,
  };
}

/** A dataset whose pointer is young may be about to be made public; `null` for every other verdict. */
function waitsToBeReadable(
  { competition: { readableWithinBlocks } }: RowJudge,
  { commitBlock }: Submission,
  { verdict, block }: { verdict: Verdict; block: number },
): Postponed | null {
  const untilBlock = commitBlock + readableWithinBlocks;
  if (!isUnreadable(verdict) || block >= untilBlock) return null;
  return {
    kind: 'postponed',
    by: 'miner',
    message: `${verdict.message}; it is waited for until block ${untilBlock}, ${readableWithinBlocks} after its pointer`,
  };
}

function readableToUsOnly(repo: string) {
  return reject(
    'dataset-denied',
    `${repo} can be read with a token only: all validators must be able to read it without`,
  );
}

function isUnreadable({ reason }: Verdict): boolean {
  return reason === 'dataset-missing' || reason === 'dataset-denied';
}
