import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Subtensor } from '../../chain/subtensor.ts';
import { competitionLines } from '../../competition/competition-text.ts';
import { fetchEvaluation } from '../../competition/fetch-evaluation.ts';
import { type FoundedCompetition, readFoundedCompetition } from '../../competition/read-document.ts';
import { parseCompetitionReference } from '../../competition/reference.ts';
import { requireBlockTime } from '../../competition/require-block-time.ts';
import { requireCompetition } from '../../competition/require-competition.ts';
import { readCompetitionFile } from '../../competition/rules-file.ts';
import type { Dataset } from '../../dataset/check.ts';
import { loadEvaluationSet } from '../../dataset/load-rows.ts';
import { FlockOffError } from '../../errors/flock-off-error.ts';
import { HubCompetitionStore } from '../../hub/competition-store.ts';
import { HubDatasetStore } from '../../hub/hub-dataset-store.ts';
import type { Competition } from '../../schema/competition.ts';
import { type SubnetIdentity, subnetText } from '../../schema/subnet-identity.ts';

export interface CompetitionFlags {
  competition?: string;
  netuid?: number;
  competition_file?: string;
  eval_data?: string;
  cache_dir: string;
  hf_endpoint: string;
}

/** The rules that flags name. */
export interface NamedCompetition {
  /** For messages: `org/name@sha`, or the file. */
  name: string;
  netuid: number;
  competition: Competition;
  /** `null` where the rules come from a file or are the defaults. */
  founded: FoundedCompetition | null;
}

const DEFAULTS = 'of the default rules';

/** @throws FlockOffError `bad-argument` where flags contradict each other or one is missing; `bad-competition`; `disk`. */
export async function readNamedCompetition(flags: CompetitionFlags, signal: AbortSignal): Promise<NamedCompetition> {
  const { competition: named, netuid, hf_endpoint: endpoint } = flags;
  if (named === undefined) {
    if (netuid === undefined) throw wrongFlag('--netuid is missing', 'pass it, or --competition');
    const { competition_file: path } = flags;
    return { name: path ?? DEFAULTS, netuid, competition: await readCompetitionFile({ path }), founded: null };
  }
  const reference = parseCompetitionReference(named);
  for (const flag of ['competition_file', 'eval_data'] as const)
    if (flags[flag] !== undefined)
      throw wrongFlag(`--${flag} contradicts --competition, which has its own`, `leave --${flag} out`);
  const founded = await readFoundedCompetition({
    reference,
    competitions: new HubCompetitionStore({ endpoint }),
    signal,
  });
  const { subnet } = founded.document;
  if (netuid !== undefined && netuid !== subnet.netuid)
    throw wrongFlag(`the competition is played on subnet ${subnet.netuid}, not ${netuid}`, 'leave --netuid out');
  return { name: named, netuid: subnet.netuid, competition: founded.competition, founded };
}

/**
 * Whose subnet that is, and what a person should see of the competition; a founded one is verified.
 * @throws FlockOffError `bad-competition`; what reading the chain throws.
 */
export async function identify(
  { name, netuid, competition, founded }: NamedCompetition,
  subtensor: Subtensor,
  signal: AbortSignal,
): Promise<{ subnet: SubnetIdentity; lines: string[] }> {
  if (founded === null) {
    await requireBlockTime({ name, competition, subtensor, signal });
    const subnet = await subtensor.subnetIdentity({ netuid, signal });
    return { subnet, lines: [`this is ${subnetText(subnet)}`] };
  }
  const { subnet, remarks } = await requireCompetition({ founded, subtensor, early: true, signal });
  const sets = founded.competition.evaluationSets
    ? ['each epoch is measured on a set that nobody can read before: here it is the set to try things on']
    : [];
  return { subnet, lines: [...competitionLines(founded), `this is ${subnetText(subnet)}`, ...remarks, ...sets] };
}

/** `null` where none was named. */
export async function readEvaluation(
  { founded }: NamedCompetition,
  { eval_data: path, cache_dir: cacheDir, hf_endpoint: endpoint }: CompetitionFlags,
  signal: AbortSignal,
): Promise<Dataset | null> {
  if (founded) return fetchEvaluation({ founded, datasets: new HubDatasetStore({ endpoint }), cacheDir, signal });
  if (path === undefined) return null;
  const isFolder = (await stat(path).catch(() => null))?.isDirectory() ?? false;
  return loadEvaluationSet({ path: isFolder ? join(path, 'data.jsonl') : path, signal });
}

export function wrongFlag(what: string, fix: string): FlockOffError {
  return new FlockOffError({ code: 'bad-argument', what, fix });
}
