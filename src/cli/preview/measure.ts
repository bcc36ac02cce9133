import { requireBaseModel } from '../../competition/fetch-evaluation.ts';
import type { Dataset } from '../../dataset/check.ts';
import { checkDataset } from '../../dataset/check.ts';
import { FlockOffError } from '../../errors/flock-off-error.ts';
import { readHubToken } from '../../hub/read-hub-token.ts';
import { placeAmong } from '../../miner/preview/place-among.ts';
import { type LossesEvent, type LossesPreview, previewLosses } from '../../miner/preview/preview-losses.ts';
import { decide } from '../../policy/decide.ts';
import type { Policy } from '../../policy/policy.ts';
import type { DatasetRow } from '../../schema/dataset-row.ts';
import { LoraTrainer } from '../../trainer/lora-trainer.ts';
import { hubCacheFolder } from '../../trainer/model/hub-cache-folder.ts';
import { filesOf } from '../../validator/receipts/audit/files.ts';
import { readReceipt } from '../../validator/receipts/audit/read-receipt.ts';
import type { Receipt } from '../../validator/receipts/receipt.ts';
import { DEFAULT_BASE_MODEL } from '../check/token-counter.ts';
import type { NamedCompetition } from './named-competition.ts';
import type { PreviewFlags, RowValue, TrainedPreview } from './preview-output.ts';

export interface MeasureParameters {
  flags: PreviewFlags;
  named: NamedCompetition;
  /** What the competition decides by. */
  decides: Policy;
  evaluation: Dataset;
  /** Indexes of the rows that are trained on. */
  kept: number[];
  hotkey: string | undefined;
  signal: AbortSignal;
}

/** Whoever was not drawn in the last epoch was in one of these. */
const SHOWN_REPORTS = 6;

/** Trains on the rows that are left. Loads TensorFlow. */
export async function measure(parameters: MeasureParameters): Promise<TrainedPreview> {
  const { flags, named, decides, evaluation, kept, hotkey, signal } = parameters;
  const { competition, founded } = named;
  const receipts = flags.reports === undefined ? [] : await newest(flags.reports);
  const rows = await rowsOf(parameters);
  const trainer = await openTrainer(parameters);
  try {
    if (founded) requireBaseModel({ founded, baseSha256: trainer.baseSha256 });
    const { influence, ...losses } = await previewLosses({
      ...{ trainer, rows, evaluation, competition, maxMs: flags.minutes * 60_000, influence: flags.rows, signal },
      onEvent: tell(flags),
    });
    const terms = { baseSha256: trainer.baseSha256, evaluationSha256: evaluation.sha256, recipe: competition.recipe };
    const lossesNatsPerToken = losses.losses.map(({ loss }) => loss);
    const isWhole = losses.evaluated.rows === losses.evaluated.ofRows;
    const { name, packageVersion, cuda } = trainer.backend;
    return {
      ...losses,
      backend: `${name} ${packageVersion ?? ''} on ${cuda ? 'a GPU' : 'the CPU'}`,
      worth: losses.mean === null ? null : worthOf(decides, losses.mean, losses.baseline),
      // Losses on other rows are other numbers.
      place: isWhole && losses.mean !== null ? placeAmong({ receipts, terms, lossesNatsPerToken, hotkey }) : null,
      rowValues: influence && rowValuesOf(influence, rows, kept),
    };
  } finally {
    trainer.dispose();
  }
}

/** Those that a validator would train on, as {@link previewRows} found them. */
async function rowsOf({ flags, named, kept, signal }: MeasureParameters): Promise<DatasetRow[]> {
  const dataset = await checkDataset({ path: flags.file, competition: named.competition, signal });
  if (dataset.ok && kept.every((row) => row < dataset.value.rows.length))
    return kept.map((row) => dataset.value.rows[row]!);
  throw new FlockOffError({
    code: 'disk',
    what: `${flags.file} changed while it was looked at`,
    fix: 'preview it again once it is complete',
    facts: { path: flags.file },
  });
}

function openTrainer({ flags, named, signal }: MeasureParameters): Promise<LoraTrainer> {
  const pinned = named.founded?.document.baseModel;
  const model = flags.base_model ?? pinned?.model ?? DEFAULT_BASE_MODEL;
  const revision = flags.base_model === undefined ? pinned?.commit : undefined;
  return LoraTrainer.open({
    ...{ model, revision, cacheDir: flags.cache_dir, hubCacheDir: hubCacheFolder(process.env) },
    ...{ hubEndpoint: flags.hf_endpoint, hubToken: readHubToken(), recipe: named.competition.recipe, signal },
  });
}

/** The newest first. A report that cannot be read is as if it were not there. */
async function newest(path: string): Promise<Receipt[]> {
  const receipts: Receipt[] = [];
  for (const file of (await filesOf([path])).reverse()) {
    if (receipts.length === SHOWN_REPORTS) break;
    const read = await readReceipt({ path: file, look: 'form' });
    if (read.ok) receipts.push(read.receipt);
  }
  return receipts;
}

const SELF = 'self';

/** `null` where it is worth nothing, such as one that does not beat the base model. */
function worthOf(policy: Policy, lossNatsPerToken: number, baselineLossNatsPerToken: number): number | null {
  const scores = decide(policy, 'score', {
    contestants: [{ hotkey: SELF, lossNatsPerToken, commitBlock: 0 }],
    baselineLossNatsPerToken,
    ...{ now: { block: 0, timeMs: 0 }, memory: null },
  });
  return scores.get(SELF) ?? null;
}

function rowValuesOf(
  influence: NonNullable<LossesPreview['influence']>,
  rows: DatasetRow[],
  kept: number[],
): RowValue[] {
  return influence
    .map(({ row, value }) => ({ line: kept[row]! + 1, value, question: questionOf(rows[row]!) }))
    .sort((a, b) => a.value - b.value);
}

const QUESTION_LETTERS = 60;

function questionOf({ conversations }: DatasetRow): string {
  const text = (conversations.at(-2)?.content ?? '').trim().replace(/\s+/g, ' ');
  return text.length > QUESTION_LETTERS ? `${text.slice(0, QUESTION_LETTERS)}...` : text;
}

/** One line of a terminal says how far it is. */
function tell({ json }: PreviewFlags): ((event: LossesEvent) => void) | undefined {
  if (json || !process.stderr.isTTY) return undefined;
  const show = (text: string) => process.stderr.write(`\r\x1b[K${text}`);
  return (event) => {
    if (event.kind === 'baseline') show('measuring the base model');
    else if (event.kind === 'sampled') show(`too slow for all rows: training on ${event.sample.rows}`);
    else if (event.kind === 'influence') show(`looking at rows: ${event.progress.done} of ${event.progress.of}`);
    else show(`training, seed ${event.seed}: step ${event.progress.step} of ${event.progress.steps}`);
  };
}
