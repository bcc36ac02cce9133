import type { Snapshot } from '../../chain/node/snapshot.ts';
import { readCommitment } from '../../chain/subnet/commitments.ts';
import type { Subtensor } from '../../chain/subtensor.ts';
import { HttpPulseSource } from '../../chain/timelock/http-pulse-source.ts';
import { FlockOffError } from '../../errors/flock-off-error.ts';
import { type Announcement, listFault, parseAnnouncement } from '../../evaluation-sets/announcement.ts';
import { entryFault, LIST_PATH, linesOf, MOST_LIST_BYTES, readList } from '../../evaluation-sets/list.ts';
import { firstSetFor, opensAtMs, opensText } from '../../evaluation-sets/schedule.ts';
import { candidates } from '../../evaluation-sets/used-sets.ts';
import { HubEvaluationSetStore } from '../../hub/evaluation-set-store.ts';
import type { EvaluationSetsRule } from '../../schema/evaluation-sets.ts';
import { amount } from '../check/words.ts';
import { type LockedCompetition, nowOf, readLockedCompetition } from './locked-rule.ts';
import { type Listed, openListed } from './open-listed.ts';
import { hubAccess, runCommand, type ServiceFlags, say, withChain } from './services.ts';

export interface SetsFlags extends ServiceFlags {
  competition: string;
  open?: number;
  pulse?: string;
  drand_url?: string;
  out: string;
  json: boolean;
}

/** What `--json` prints. Fields may be added to a version; none is changed or removed. */
export interface SetsOutput {
  version: 1;
  announcement: Announcement;
  /** Whether it was named too late for an epoch that begins now. */
  late: boolean;
  /** The first set that an epoch beginning now may be measured on. */
  next: number;
  sets: {
    index: number;
    round: number;
    opensAt: string;
    rows: number;
    parts: number;
    fault: string | null;
    isOpen: boolean;
  }[];
}

/** Sets before the next one that are shown and verified. */
const SHOWN_BEFORE = 10;

/** Shows and verifies the list, or opens one set of it; sets the exit code and never throws. */
export async function runSets(flags: SetsFlags): Promise<void> {
  await runCommand(async (signal) => {
    const drand = new HttpPulseSource({ urls: flags.drand_url?.split(',').map((url) => url.trim()), logger: console });
    const locked = await readLockedCompetition(flags.competition, flags, signal);
    await withChain(flags, signal, async (subtensor) => {
      const listed = await readListed(locked, subtensor, flags, signal);
      if (flags.open === undefined) show(locked, listed, flags);
      else await openListed(locked, listed, { subtensor, ...flags, drand, index: flags.open, signal });
    });
  });
}

async function readListed(
  locked: LockedCompetition,
  subtensor: Subtensor,
  flags: SetsFlags,
  signal: AbortSignal,
): Promise<Listed> {
  const { rule, founded } = locked;
  const { timeMs, until } = await nowOf(locked, subtensor, signal);
  const next = firstSetFor(rule, until.timeMs);
  const { netuid } = founded.document.subnet;
  const use = (snapshot: Snapshot) => readCommitment(snapshot, netuid, rule.signer);
  const commitment = await subtensor.read({ what: 'reading which sets are listed', use, signal });
  const announcement = parseAnnouncement(commitment?.text ?? null);
  if (announcement === null || commitment === null)
    throw bad(`${rule.signer} names no list on the chain`, 'list a set with "flock-off competition append"');
  const store = new HubEvaluationSetStore(hubAccess(flags));
  const list = await store.read({
    repo: rule.repo,
    commit: announcement.commit,
    path: LIST_PATH,
    maxBytes: MOST_LIST_BYTES,
    signal,
  });
  if (!(list instanceof Buffer))
    throw bad(`the list at ${rule.repo}@${announcement.commit} is ${list}`, 'ask whoever lists the sets');
  const lines = linesOf(list.toString('utf8'));
  const from = flags.open ?? Math.max(0, next - SHOWN_BEFORE);
  const read = await readList({ lines, rule, announcement, from, most: Number.POSITIVE_INFINITY });
  const isLate = listFault(commitment, until) === 'late';
  if (!('problem' in read)) return { announcement, isLate, entries: read.entries, timeMs, next, store };
  throw bad(
    `the list at ${rule.repo}@${announcement.commit} ${read.problem}`,
    'it counts for no epoch: ask whoever lists the sets',
  );
}

function show(
  { rule }: LockedCompetition,
  { announcement, isLate, entries, timeMs, next }: Listed,
  { json }: SetsFlags,
): void {
  const sets = [...entries.values()].map((entry): SetsOutput['sets'][number] => {
    const { index, round, parts } = entry;
    const opens = opensAtMs(rule, index);
    const rows = parts.reduce((sum, { plain }) => sum + plain.rows, 0);
    const fault = entryFault(rule, entry);
    return {
      index,
      round,
      opensAt: new Date(opens).toISOString(),
      rows,
      parts: parts.length,
      fault,
      isOpen: opens <= timeMs,
    };
  });
  const output: SetsOutput = { version: 1, announcement, late: isLate, next, sets };
  if (json) console.log(JSON.stringify(output, null, 2));
  else
    say(
      `the list of ${rule.repo}@${announcement.commit} is the one that the chain names, signed by ${rule.signer}`,
      ...sets.map(({ index, rows, parts, fault, isOpen }) => {
        const what = `set ${index}: ${amount(rows, 'row')}${parts > 1 ? ` in ${parts} parts` : ''}`;
        return `${what}, ${fault === null ? `${isOpen ? 'open since' : 'opens'} ${opensText(rule, index)}` : `void: ${fault}`}`;
      }),
      isLate
        ? 'an epoch that begins now measures nothing: the list is late, named on the chain only after the time for the pointers that it would measure'
        : measuredText(rule, next, entries),
    );
}

/** What an epoch that begins now is measured on, and what where that is void. */
function measuredText(rule: EvaluationSetsRule, next: number, entries: Listed['entries']): string {
  const [first, ...others] = candidates(rule, next, entries).filter(
    (index) => entryFault(rule, entries.get(index)) === null,
  );
  const now = 'an epoch that begins now';
  if (first === undefined) return `${now} measures nothing: no set is listed that opens within a day of set ${next}`;
  const other =
    others.length > 0
      ? `or on set ${others[0]} where that is void`
      : 'and on no other where that is void: list another one that opens within a day';
  return `${now} is measured on set ${first}, ${other}`;
}

function bad(what: string, fix: string): FlockOffError {
  return new FlockOffError({ code: 'bad-argument', what, fix });
}
