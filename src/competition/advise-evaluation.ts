import { findOthersRows } from '../dataset/fingerprint/find-others-rows.ts';
import { fingerprintRows } from '../dataset/fingerprint/fingerprint-rows.ts';
import type { CompetitionDraft } from './document.ts';
import type { DraftFolder } from './draft-folder.ts';

/** What is known of an evaluation set beside its format: plain JSON. Lines are counted from 1. */
export interface EvaluationAdvice {
  rows: number;
  bytes: number;
  sha256: string;
  /** Rows that say what an earlier one says. */
  repeated: { rows: number; examples: { line: number; ofLine: number }[] };
  /** Of each known set: rows whose content stands in it. */
  known: { file: string; rows: number; examples: { line: number; alike: number }[] }[];
  /** Losses of the base model alone; `null` where none were measured. */
  losses: LossSpread | null;
  /** What a founder should do about it: one sentence each. */
  advice: string[];
}

/** Nats per token. */
export interface LossSpread {
  mean: number;
  /** Of the mean, as if the rows had been drawn by chance. */
  standardError: number;
  least: number;
  median: number;
  most: number;
  /** Rows without a target token within the context, which do not count. */
  unlabelled: number;
  /** Share of the sum that the tenth of the rows with the highest losses has. */
  topTenthShare: number;
}

export interface AdviseEvaluationParameters {
  drafted: Pick<DraftFolder, 'draft' | 'evaluation'>;
  /** Sets that miners have, and base models may have been trained on: fingerprints of their rows. */
  known: { file: string; fingerprint: Uint8Array }[];
  /** Losses by row, `null` of a row that does not count; `null` where they were not measured. */
  rowLosses: readonly (number | null)[] | null;
  /** The advice where `rowLosses` is `null`. Default: to name the folder of the base model, which is not on this machine. */
  whyNoLosses?: string;
  signal?: AbortSignal;
}

const NO_BASE_MODEL =
  'the base model is not on this machine, so nothing is known of its losses: --base_model names its folder';
const NO_LOSS_COUNTS = 'no row has a token of the assistant within the context, so there are no losses';
const FEW_ROWS = 100;
const MANY_ROWS = 5_000;
const MOST_EXAMPLES = 20;
/** More of the sum in a tenth of the rows, and those few decide who wins. */
const TOO_MUCH_IN_A_TENTH = 0.4;

/**
 * Looks at an evaluation set as somebody would who means to win by it without a better dataset.
 * @throws FlockOffError what comparing rows throws.
 * @example
 * const drafted = await readDraftFolder({ folder: 'my-competition' });
 * const { advice } = await adviseEvaluation({ drafted, known: [], rowLosses: null });
 * for (const sentence of advice) console.log(sentence);
 */
export async function adviseEvaluation(parameters: AdviseEvaluationParameters): Promise<EvaluationAdvice> {
  const { drafted, rowLosses, whyNoLosses = NO_BASE_MODEL, signal } = parameters;
  const { rows, bytes, sha256 } = drafted.evaluation;
  const fingerprint = fingerprintRows(rows);
  const compare = (other: Uint8Array | null) =>
    findOthersRows({
      showings: [
        {
          ...{ owner: 'the founder', judged: true, claimedUntil: Number.POSITIVE_INFINITY },
          ...{ fingerprint, shownAt: new Float64Array(rows.length) },
        },
      ],
      ...{ evaluation: other, evaluationRows: 'leave-out', signal },
    });
  const repeats = (await compare(null)).repeats.get(0) ?? [];
  const known: EvaluationAdvice['known'] = [];
  for (const set of parameters.known) {
    const found = (await compare(set.fingerprint)).others.get(0) ?? [];
    const examples = found.slice(0, MOST_EXAMPLES).map(({ row, alike }) => ({ line: row + 1, alike }));
    known.push({ file: set.file, rows: found.length, examples });
  }
  const losses = rowLosses && spreadOf(rowLosses);
  const repeated = {
    rows: repeats.length,
    examples: repeats.slice(0, MOST_EXAMPLES).map(({ row, of }) => ({ line: row + 1, ofLine: of + 1 })),
  };
  const found = { rows: rows.length, bytes, sha256, repeated, known, losses };
  return { ...found, advice: adviceOn(found, drafted.draft, rowLosses ? NO_LOSS_COUNTS : whyNoLosses) };
}

function spreadOf(rowLosses: readonly (number | null)[]): LossSpread | null {
  const losses = rowLosses.filter((loss) => loss !== null).sort((a, b) => a - b);
  const count = losses.length;
  if (count === 0) return null;
  const sum = (values: number[]) => values.reduce((all, value) => all + value, 0);
  const mean = sum(losses) / count;
  const variance = count < 2 ? 0 : sum(losses.map((loss) => (loss - mean) ** 2)) / (count - 1);
  return {
    ...{ mean, standardError: Math.sqrt(variance / count) },
    ...{ least: losses[0]!, median: losses[Math.floor(count / 2)]!, most: losses[count - 1]! },
    unlabelled: rowLosses.length - count,
    topTenthShare: sum(losses.slice(-Math.ceil(count / 10))) / sum(losses),
  };
}

function adviceOn(found: Omit<EvaluationAdvice, 'advice'>, draft: CompetitionDraft, whyNoLosses: string): string[] {
  const { rows, repeated, known, losses } = found;
  const advice: string[] = [];
  if (rows < FEW_ROWS)
    advice.push(`${rows} rows are few: chance decides between datasets that are alike; take ${FEW_ROWS} or more`);
  if (rows > MANY_ROWS)
    advice.push(`${rows} rows are measured for every dataset of every epoch; ${MANY_ROWS} tell as much in less time`);
  if (repeated.rows > 0)
    advice.push(
      `repeated: ${rowsOf(repeated.rows)}, which an earlier one says already and which would count twice; leave them out`,
    );
  for (const { file, rows: alike } of known)
    if (alike > 0) advice.push(`${rowsOf(alike)} of ${file}, which miners may have too: replace them`);
  if (known.length === 0)
    advice.push('nothing was compared: name public sets with --known; rows that everybody has measure no dataset');
  if (losses === null) {
    advice.push(whyNoLosses);
    return advice;
  }
  if (losses.unlabelled > 0)
    advice.push(`not counted: ${rowsOf(losses.unlabelled)} without a token of the assistant within the context`);
  const margin = marginOf(draft);
  const noise = losses.standardError / losses.mean;
  if (margin !== null && 2 * noise > margin)
    advice.push(
      `the mean loss is known to ${percent(2 * noise)} only (two standard errors), and a dataset wins by ${percent(margin)}: take more rows`,
    );
  if (losses.topTenthShare > TOO_MUCH_IN_A_TENTH)
    advice.push(
      `a tenth of the rows has ${percent(losses.topTenthShare)} of the loss, so those rows decide: look at whether they are good`,
    );
  return advice;
}

/** By how much a loss has to be lower than an earlier one's, `null` where the policy has no such rule. */
function marginOf({ rules }: CompetitionDraft): number | null {
  const { earlierAdvantage } = rules.policy.parameters;
  return typeof earlierAdvantage === 'number' && earlierAdvantage > 0 ? earlierAdvantage : null;
}

const rowsOf = (count: number) => `${count} row${count === 1 ? '' : 's'}`;
const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
