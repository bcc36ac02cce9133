import type { CommitTerms } from '../../miner/preview/commit-terms.ts';
import type { PlaceAmong } from '../../miner/preview/place-among.ts';
import type { LossesPreview } from '../../miner/preview/preview-losses.ts';
import type { RowsPreview } from '../../miner/preview/preview-rows.ts';
import type { SubnetIdentity } from '../../schema/subnet-identity.ts';
import type { FileReport } from '../check/check-report.ts';
import type { CompetitionFlags } from './named-competition.ts';

export interface PreviewFlags extends CompetitionFlags {
  file: string;
  policy?: string;
  hotkey?: string;
  'wallet.hotkey'?: string;
  'wallet.name': string;
  'wallet.path': string;
  hf_repo_id?: string;
  train: boolean;
  rows: boolean;
  minutes: number;
  base_model?: string;
  reports?: string;
  data_dir: string;
  'subtensor.network': string;
  'subtensor.chain_endpoint'?: string;
  all: boolean;
  json: boolean;
}

/** What `--json` prints. Fields may be added to a version; none is changed or removed. */
export interface PreviewOutput {
  version: 1;
  /** Whether the exit code is 0. */
  good: boolean;
  subnet: SubnetIdentity;
  /** `org/name@sha` of a founded competition; `null` of rules from a file. */
  competition: string | null;
  check: FileReport;
  rows: Omit<RowsPreview, 'kept'> & { rowsTrainedOn: number | null };
  /** `null` where no hotkey was named. */
  commit: (CommitTerms & { hotkey: string; registered: boolean }) | null;
  /** `null` without `--train` and `--rows`, or where there is nothing to train on. */
  trained: TrainedPreview | null;
}

/** What training came to: plain JSON. */
export interface TrainedPreview extends Omit<LossesPreview, 'influence'> {
  /** What trained. */
  backend: string;
  /** What the mean loss is worth under the policy where nobody else is, of the `sample` where there is one; `null` for nothing. */
  worth: number | null;
  /** `null` without `--reports`, where they have no loss that was measured likewise, or where not all rows were evaluated. */
  place: PlaceAmong | null;
  /** With `--rows`: what each row does, the worst first. */
  rowValues: RowValue[] | null;
}

export interface RowValue {
  /** Of the file, from 1. */
  line: number;
  /** Above 0 it lowers the loss on the evaluation set. Only the order means something. */
  value: number;
  /** How the last question begins. */
  question: string;
}
