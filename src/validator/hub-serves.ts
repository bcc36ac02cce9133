import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { FetchedDataset } from './fetch-dataset.ts';
import type { Outcome } from './outcome.ts';
import { isHubFault } from './postpone.ts';
import type { Validator } from './validator.ts';

/**
 * Whether the Hub serves datasets now: what tells one miner's broken repository from an outage. Where nothing had to be
 * downloaded in this epoch, one of the datasets on this disk is downloaded again and thrown away.
 */
export async function hubServes(
  { datasets: store, cacheDir, competition, state }: Validator,
  datasets: FetchedDataset[],
  outcomes: Map<string, Outcome>,
  signal?: AbortSignal,
): Promise<boolean> {
  if (datasets.some(({ downloaded }) => downloaded)) return true;
  const isAsked = [...outcomes.values()].some((outcome) => outcome.kind === 'postponed' && outcome.by === 'hub');
  const known = datasets[0]?.submission.pointer;
  if (!isAsked || !known) return false;
  const folder = join(cacheDir, `probe-of-${state.id}`);
  try {
    const { repo, commit } = known;
    // A verdict is an answer, too: this repository may be gone by now.
    const to = join(folder, 'data.jsonl');
    await store.download({ repo, commit, to, maxBytes: competition.maxBytes, signal });
    return true;
  } catch (error) {
    if (!isHubFault(error)) throw error;
    return false;
  } finally {
    // With what a download that broke off has left for the next one.
    await rm(folder, { recursive: true, force: true }).catch(() => {});
  }
}
