import { reject, type Verdict } from '../schema/verdict.ts';
import { safeLogger } from '../shared/logger.ts';
import { mapConcurrent } from '../shared/map-concurrent.ts';
import { type ClaimsParameters, isNamed, settleClaims } from './claims.ts';
import { endOf } from './ledger/position.ts';
import { type ShownDataset, shownAnew, waitsToBeClaimed } from './ledger/showing.ts';
import { datasetName } from './policy.ts';
import { isHubFault } from './postpone.ts';
import type { Validator } from './validator.ts';

const PARALLEL_REQUESTS = 4;

export interface UpdateReadabilityParameters extends ClaimsParameters {
  /** Hotkeys whose dataset was read for the first time in this epoch, by whom anybody may be. */
  seenReadable: ReadonlySet<string>;
  /** Hotkeys whose earlier datasets are looked at, too. */
  earlierOf: ReadonlySet<string>;
  signal?: AbortSignal;
}

export interface Readability {
  /** On those that pointers name, by hotkey. */
  verdicts: Map<string, Verdict>;
  /** Names of datasets, see {@link datasetName}. */
  hidden: Set<string>;
}

/**
 * Asks the Hub whether the datasets that pointers name are publicly readable, on which their owners' claims rest. A fault
 * of the Hub changes nothing.
 * @returns those that were, and are not any more since longer than a new one is waited for.
 */
export async function updateReadability(
  validator: Validator,
  { ledger, pointers, block, seenReadable, earlierOf, signal }: UpdateReadabilityParameters,
): Promise<Readability> {
  const { datasets, competition } = validator;
  const found: Readability = { verdicts: new Map(), hidden: new Set() };
  const logger = safeLogger(validator.logger);
  const shown = ledger.entries.flatMap(({ hotkey, showings }) => {
    const submission = pointers.get(hotkey)?.submission;
    return showings.flatMap((showing) => {
      const named = submission?.ok === true && isNamed(submission.value.pointer, showing);
      const isAsked = named ? !seenReadable.has(hotkey) : earlierOf.has(hotkey);
      return isAsked ? { hotkey, showing, named } : [];
    });
  });
  await mapConcurrent(shown, PARALLEL_REQUESTS, async ({ hotkey, showing, named }) => {
    const { repo, commit } = showing;
    try {
      const readable = await datasets.isReadable({ repo, commit, signal });
      const now = lookedAt(showing, { readable, block, claimBlocks: competition.claimBlocks });
      ledger.putShowing(hotkey, showing, now);
      const { unreadableFrom = block } = now;
      if (block <= unreadableFrom + competition.readableWithinBlocks) return;
      found.hidden.add(datasetName(showing));
      if (named) found.verdicts.set(hotkey, noLongerReadable(repo, unreadableFrom));
    } catch (error) {
      if (!isHubFault(error)) throw error;
      logger.debug(`${hotkey}: whether ${repo} can be read is not known now`);
    }
  });
  settleClaims(validator, { ledger, pointers, block });
  return found;
}

function lookedAt(
  showing: ShownDataset,
  { readable, block, claimBlocks }: { readable: boolean; block: number; claimBlocks: number },
): ShownDataset {
  const { unreadableFrom, ...rest } = showing;
  if (!readable) return { ...rest, readable, unreadableFrom: unreadableFrom ?? block };
  if (unreadableFrom === undefined) return showing.readable ? showing : { ...rest, readable };
  // It was not there for anybody when its pointer was committed.
  const isShownNow = waitsToBeClaimed(showing, claimBlocks);
  return isShownNow ? shownAnew({ ...rest, readable }, endOf(block)) : { ...rest, readable };
}

function noLongerReadable(repo: string, sinceBlock: number): Verdict {
  const what = `${repo} cannot be read without a token any more, since block ${sinceBlock} at the latest`;
  return reject('dataset-denied', what).verdict;
}
