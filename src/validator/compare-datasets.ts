import { type FoundRows, findOthersRows } from '../dataset/fingerprint/find-others-rows.ts';
import type { Showing } from '../dataset/fingerprint/showings.ts';
import type { Ledger } from './ledger/ledger.ts';
import type { ShownDataset } from './ledger/showing.ts';
import { restoreFingerprints } from './read-datasets.ts';
import { fingerprintName, type RowJudge } from './validator.ts';

/** Searches of one comparison: after each but the last, fingerprints that were found damaged are made anew. */
const MOST_SEARCHES = 3;

/** A dataset as it takes part in a comparison. */
export interface Compared extends Omit<Showing, 'fingerprint'> {
  dataset: ShownDataset;
}

export interface CompareDatasetsParameters {
  ledger: Ledger;
  /** The current block. */
  block: number;
  compared: readonly Compared[];
  /** Fingerprint of the evaluation set. Default `null`: none. */
  evaluation?: Uint8Array | null;
  /** Default `allow`. */
  evaluationRows?: 'leave-out' | 'allow';
  signal?: AbortSignal;
}

/**
 * Finds whose rows are whose, by fingerprints as they are stored. One that is damaged is removed by the store, made anew, and
 * compared again: a fault of ours must hide no rows and cost nobody. What cannot be made anew now is `unreadable`.
 */
export async function compareDatasets(
  validator: RowJudge,
  { ledger, block, compared, evaluation = null, evaluationRows = 'allow', signal }: CompareDatasetsParameters,
): Promise<FoundRows> {
  const { fingerprints } = validator.state;
  const showings = compared.map((one) => withFingerprint(one, validator));
  for (let searches = 1; ; searches++) {
    const found = await findOthersRows({ showings, evaluation, evaluationRows, signal });
    if (found.unreadable.length === 0) return found;
    for (const i of found.unreadable) await fingerprints.read(fingerprintName(compared[i]!.dataset));
    if (searches === MOST_SEARCHES) return found;
    await restoreFingerprints(validator, ledger, { block, signal });
  }
}

/** Times and bits are unpacked when their turn comes. */
function withFingerprint(one: Compared, { state: { fingerprints } }: RowJudge): Showing {
  const { owner, dataset, claimedUntil, judged } = one;
  const name = fingerprintName(dataset);
  const file = fingerprints.fileOf?.(name);
  return {
    ...{ owner, claimedUntil, judged },
    fingerprint: file === undefined ? async () => (await fingerprints.read(name)) ?? new Uint8Array(0) : { file },
    get shownAt() {
      return one.shownAt;
    },
    get own() {
      return one.own;
    },
  };
}
