import type { HotkeyChain } from '../chain/chain.ts';
import { commitText } from '../chain/commitments/commit-text.ts';
import type { CommitmentWait } from '../chain/commitments/send-commitment.ts';
import type { Snapshot } from '../chain/node/snapshot.ts';
import { readCommitment } from '../chain/subnet/commitments.ts';
import { readUid } from '../chain/subnet/subnet.ts';
import { unregistered } from '../chain/subnet/unregistered.ts';
import { readPulse } from '../chain/timelock/read-pulse.ts';
import { requireBeacon } from '../chain/timelock/terms.ts';
import type { HotkeySigner } from '../chain/wallet/hotkey.ts';
import type { BytesSigner } from '../chain/wallet/signed-bytes.ts';
import { FlockOffError } from '../errors/flock-off-error.ts';
import type { EvaluationSetStore } from '../hub/evaluation-set-store.ts';
import type { EvaluationSetsRule } from '../schema/evaluation-sets.ts';
import { canonicalJson } from '../shared/canonical-json.ts';
import { type Announcement, announcementText, parseAnnouncement } from './announcement.ts';
import {
  entryFault,
  LIST_PATH,
  lineHash,
  linesOf,
  MOST_AHEAD,
  MOST_LIST_BYTES,
  makeLine,
  parseLine,
  readList,
} from './list.ts';
import { type LockedPart, lockedPath, readLockedFile } from './locked-file.ts';
import { beaconOf, firstSetFor, isFarAhead, MOST_DAYS_AHEAD, opensAtMs, opensText } from './schedule.ts';

export interface AppendSetParameters extends CommitmentWait {
  rule: EvaluationSetsRule;
  netuid: number;
  subtensor: HotkeyChain;
  store: EvaluationSetStore;
  /** The one that the rule names: it signs the entry, and names it on the chain. */
  hotkey: HotkeySigner & BytesSigner;
  /** Locked files, whole: one, or the parts of several contributors in the order in which they are to be put together. */
  files: Uint8Array<ArrayBuffer>[];
  /**
   * Until when, by the chain's clock in Unix milliseconds, the chain has to name it, such as until the end of a day's
   * submissions: named later it would leave that day without any list. Refused in the last hour before. Default: any time.
   */
  untilMs?: number;
}

export interface AppendSetReturnType {
  index: number;
  /** What stands on the chain now, and since which block. */
  announcement: Announcement;
  block: number;
  /** When it opens, in Unix milliseconds. */
  opensAtMs: number;
}

const HOUR_MS = 3_600_000;
/** What is sent may land for so long. */
const SENDING_MS = 900_000;

/**
 * Lists the next evaluation set: signs its entry, uploads files and list in one commit, and names them on the chain. Done
 * again after a failure it goes on where that stopped. Epochs that begin after the block in which the chain names it may be
 * measured on it.
 * @throws FlockOffError `bad-argument` where a file is none, the files are not of one set to come, the key or the beacon is
 *   another, or it is too near to `untilMs`; `unregistered` where the hotkey is not on the subnet; `bad-competition` (`evaluation`) where the list in the repository is not the one that the chain names; what
 *   chain and Hub throw.
 * @example
 * const { file } = await lockSet({ data, rows: 200, round, beacon });
 * const store = new HubEvaluationSetStore({ token });
 * const { index, opensAtMs } = await appendSet({ rule, netuid, subtensor, store, hotkey, files: [new Uint8Array(file)] });
 * console.log(`set ${index} opens at ${new Date(opensAtMs).toISOString()}`);
 */
export async function appendSet(parameters: AppendSetParameters): Promise<AppendSetReturnType> {
  const { rule, netuid, subtensor, store, hotkey, files, untilMs, signal, wait, onWait } = parameters;
  if (hotkey.address !== rule.signer)
    throw refusal(
      `the key is that of ${hotkey.address}, and the competition names ${rule.signer}`,
      'sign with that one',
    );
  const { index, parts } = describe(rule, files);
  const { announced, timeMs } = await subtensor.read({
    what: 'reading which sets are listed',
    use: async (snapshot) => {
      const pulse = await readPulse(snapshot, rule.firstRound);
      requireBeacon(pulse, beaconOf(rule));
      if ((await readUid(snapshot, netuid, hotkey.address)) === null) throw unregistered(hotkey.address, netuid);
      return { timeMs: pulse.timeMs, announced: await readCommitment(snapshot, netuid, hotkey.address) };
    },
    signal,
  });
  requireTime(timeMs, untilMs, HOUR_MS);
  const first = firstSetFor(rule, timeMs);
  if (index < first)
    throw refusal(
      `set ${index} opens ${opensText(rule, index)}, too soon for an epoch that begins from now on`,
      `lock the rows anew, as set ${first} or a later one`,
    );
  if (isFarAhead(rule, index, timeMs))
    throw refusal(
      `set ${index} opens ${opensText(rule, index)}, and once it was listed none before it could be`,
      `list it in the ${MOST_DAYS_AHEAD} days before it opens; set ${first} is the next`,
    );
  const before = await readBefore(rule, store, parseAnnouncement(announced?.text ?? null), signal);
  const last = before.lines.at(-1);
  const lastEntry = last === undefined ? null : parseLine(last);
  const isThere = lastEntry?.index === index && canonicalJson(lastEntry.parts) === canonicalJson(parts);
  if (!isThere && lastEntry !== null && index <= lastEntry.index)
    throw index === lastEntry.index
      ? refusal(
          `set ${index} is listed already, with other files`,
          'what is listed stays: lock these rows anew, as a later set; parts of one set are listed together',
        )
      : refusal(
          `set ${index} does not come after set ${lastEntry.index}, which is listed`,
          `sets are listed in order: lock these rows anew, as set ${lastEntry.index + 1} or a later one`,
        );
  const ahead = before.lines.filter((line) => (parseLine(line)?.index ?? 0) >= first).length;
  if (!isThere && ahead >= MOST_AHEAD)
    throw refusal(`${ahead} sets are listed ahead, and no more are read`, 'list it when some of them have opened');
  const line =
    isThere && last !== undefined ? last : await makeLine({ rule, index, parts, before: last ?? null, signer: hotkey });
  const commit = isThere && before.commit !== null ? before.commit : await publish();
  const announcement = { index, commit, head: lineHash(line) };
  const text = announcementText(announcement);
  const beforeSending = async () => {
    if (untilMs === undefined) return;
    const use = (snapshot: Snapshot) => readPulse(snapshot, rule.firstRound);
    const { timeMs } = await subtensor.read({ what: 'reading the time of the chain', use, signal });
    requireTime(timeMs, untilMs, SENDING_MS);
  };
  const { block } = await commitText({ subtensor, netuid, hotkey, text, beforeSending, signal, wait, onWait });
  return { index, announcement, block, opensAtMs: opensAtMs(rule, index) };

  async function publish(): Promise<string> {
    const list = [...before.lines, line].map((one) => `${one}\n`).join('');
    const commit = await store.publish({
      ...{ repo: rule.repo, parent: before.commit, signal },
      files: [
        { path: LIST_PATH, content: list },
        ...files.map((content, i) => ({ path: lockedPath(parts[i]!.sha256), content })),
      ],
    });
    // As everybody will read it, without a token.
    const read = await store.read({ repo: rule.repo, commit, path: LIST_PATH, maxBytes: MOST_LIST_BYTES, signal });
    if (read instanceof Buffer && read.toString('utf8') === list) return commit;
    throw otherList(rule, `is not what was uploaded at commit ${commit}`);
  }
}

function requireTime(timeMs: number, untilMs: number | undefined, leastMs: number): void {
  if (untilMs === undefined || timeMs <= untilMs - leastMs) return;
  const until = `${new Date(untilMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  throw refusal(
    `the submissions that are measured next end ${until}, and a list that the chain names only after that would leave them unmeasured: ${Math.max(0, Math.floor((untilMs - timeMs) / 60_000))} minutes are too few`,
    'list it after their rewards have begun; the files can stay as they are where the set opens later',
  );
}

function describe(rule: EvaluationSetsRule, files: Uint8Array[]): { index: number; parts: LockedPart[] } {
  const read = files.map((file, i) => {
    const one = readLockedFile(file);
    if (one === null) throw refusal(`file ${i + 1} is no locked set`, 'make it with "flock-off competition lock"');
    return one;
  });
  const [first] = read;
  if (first === undefined) throw refusal('no file was given', 'name the locked file of the set');
  const { round } = first;
  const beacon = Buffer.from(beaconOf(rule).publicKey).toString('hex');
  if (read.some((one) => one.beacon !== beacon))
    throw refusal('a file is locked with another beacon than the competition names', 'lock it by this competition');
  if (read.some((one) => one.round !== round))
    throw refusal(
      `the files are parts of different sets: they are locked until the rounds ${read.map((one) => one.round).join(', ')}`,
      'lock all parts as one set (--set)',
    );
  const index = (round - rule.firstRound) / rule.roundsBetween;
  if (!Number.isInteger(index) || index < 0)
    throw refusal(
      `round ${round} opens no set: they open with round ${rule.firstRound} and every ${rule.roundsBetween} rounds after`,
      'lock the set until one of those',
    );
  const parts = read.map(({ part }) => part);
  if (new Set(parts.map(({ sha256 }) => sha256)).size < parts.length)
    throw refusal('a file is given twice', 'leave one out');
  const entry = {
    format: 'flock-off evaluation set',
    version: 1,
    index,
    round,
    previous: null,
    parts,
    signature: '',
  } as const;
  if (entryFault(rule, entry) === 'too-large')
    throw refusal(
      `the set has more than ${rule.maxBytes} bytes or ${rule.maxRows} rows, and would be void`,
      'take fewer rows',
    );
  return { index, parts };
}

/** The list as it is, which has to be the one that the chain names, or that with more entries: of calls that failed. */
async function readBefore(
  rule: EvaluationSetsRule,
  store: EvaluationSetStore,
  announced: Announcement | null,
  signal?: AbortSignal,
): Promise<{ commit: string | null; lines: string[] }> {
  const { repo } = rule;
  const commit = await store.latest({ repo, signal });
  const read =
    commit === null
      ? 'missing'
      : await store.read({ repo, commit, path: LIST_PATH, maxBytes: MOST_LIST_BYTES, signal });
  if (read === 'too-large') throw otherList(rule, `has more than ${MOST_LIST_BYTES} bytes`);
  const lines = read === 'missing' ? [] : linesOf(read.toString('utf8'));
  const last = lines.at(-1);
  if (announced !== null) {
    if (last === undefined) throw noList(rule);
    if (!lines.some((line) => lineHash(line) === announced.head))
      throw otherList(rule, 'does not go on from the set that the chain names');
  }
  if (last === undefined) return { commit, lines };
  // Calls that failed have listed more, or the hotkey has committed something else since: its signature tells that it is its own.
  const asNamed = { index: parseLine(last)?.index ?? 0, commit: '', head: lineHash(last) };
  const from = announced === null ? asNamed.index : announced.index + 1;
  const found = await readList({ lines, rule, announcement: asNamed, from });
  if ('problem' in found) throw otherList(rule, found.problem);
  return { commit, lines };
}

function otherList({ repo }: EvaluationSetsRule, why: string): FlockOffError {
  return new FlockOffError({
    code: 'bad-competition',
    what: `the list of evaluation sets in ${repo} ${why}`,
    fix: 'put back the list that the chain names: what is listed cannot be taken back',
    facts: { competition: repo, problem: 'evaluation' },
  });
}

/** As where a new version of a competition has its sets in a repository of its own, or the list was deleted. */
function noList({ repo, signer }: EvaluationSetsRule): FlockOffError {
  return new FlockOffError({
    code: 'bad-competition',
    what: `${repo} has no list of evaluation sets, and the chain names one by ${signer}, who can have one list only`,
    fix: 'put the list back if it was there, else let another hotkey list the sets of this competition',
    facts: { competition: repo, problem: 'evaluation' },
  });
}

function refusal(what: string, fix: string): FlockOffError {
  return new FlockOffError({ code: 'bad-argument', what, fix });
}
