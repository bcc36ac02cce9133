import { join } from 'node:path';
import type { Dataset } from '../../../dataset/check.ts';
import type { DatasetCheckerPort } from '../../../dataset/checker/dataset-checker.ts';
import { FlockOffError } from '../../../errors/flock-off-error.ts';
import type { DatasetStore } from '../../../hub/dataset-store.ts';
import { Competition } from '../../../schema/competition.ts';
import type { Trainer } from '../../../trainer/lora-trainer.ts';
import { unpackRows } from '../../ledger/packed.ts';
import { toleranceOf } from '../../loss-tolerance.ts';
import { readPointers } from '../../pointers.ts';
import { intakeOf } from '../../policy.ts';
import { unpackRowLosses } from '../../row-losses.ts';
import type { Receipt } from '../receipt.ts';
import { hereIs, type ReceiptMachine } from '../this-machine.ts';
import { type OwnPolicy, ownPolicyOf } from './own-policy.ts';

export interface RetrainParameters {
  receipt: Receipt;
  /** Of a dataset with a loss in the report. */
  uid: number;
  /** Of the operator's own, where the report names one. */
  policy?: OwnPolicy;
  trainer: Trainer;
  /** The Hub. */
  datasets: Pick<DatasetStore, 'download'>;
  checker: Pick<DatasetCheckerPort, 'readRows'>;
  evaluation: Dataset;
  /** Folder for the download. */
  folder: string;
  signal?: AbortSignal;
}

export interface RetrainReturnType {
  /** Of the report. */
  lossNatsPerToken: number;
  /** Of this training. */
  seenLossNatsPerToken: number;
  /** Whether losses must be equal bit for bit: the same base, backend, precision and processor. */
  isSameDevice: boolean;
  /** Most that they may differ by, relative; 0 on the same device. */
  tolerance: number;
  good: boolean;
  /** Rows of the evaluation set whose loss is another one, to the last bit; `null` where the report has none by row. */
  otherRows: number | null;
}

/**
 * Trains one dataset of a report again, on the rows that it names and with its seed and recipe, and compares the losses.
 * @throws FlockOffError `bad-argument` where the report has no such loss, or base model, evaluation set or policy are others;
 *   what downloading and training throw.
 */
export async function retrain(parameters: RetrainParameters): Promise<RetrainReturnType> {
  const { receipt, uid, trainer, datasets, checker, evaluation, folder, signal } = parameters;
  const { inputs } = receipt;
  const competition = Competition.parse(inputs.competition);
  const { recipe, maxTokens } = competition;
  const policy = ownPolicyOf(receipt, parameters.policy);
  const entry = receipt.entries.find((one) => one.uid === uid);
  const dataset = entry && inputs.datasets[entry.hotkey];
  const pointers = readPointers(inputs.epoch, competition, intakeOf({ competition, policy }).excluded);
  const submission = entry && pointers.get(entry.hotkey)?.submission;
  if (entry?.outcome.kind !== 'scored' || !dataset?.kept || !submission?.ok)
    throw bad(`the report of block ${receipt.startBlock} has no loss of uid ${uid}`, 'name a uid that was evaluated');
  requireSame('base model', receipt.trainer.baseSha256, trainer.baseSha256, 'pass the same as --base_model');
  requireSame('evaluation set', inputs.evaluation.sha256, evaluation.sha256, 'pass the same as --eval_data');

  const { repo, commit } = submission.value.pointer;
  const file = await datasets.download({
    ...{ repo, commit, signal },
    to: join(folder, 'data.jsonl'),
    // The report names the repository, too: it must not fill the disk of who audits it.
    maxBytes: Math.min(competition.maxBytes, Competition.parse({}).maxBytes),
  });
  if (!file.ok) throw bad(`${repo} cannot be had any more: ${file.verdict.message}`, 'choose another uid');
  requireSame(`file of ${repo}`, dataset.sha256, file.value.sha256, 'the Hub gives another file for the same commit');
  const keep = unpackRows(dataset.kept, dataset.rows);
  const { path, sha256 } = file.value;
  const rows = await checker.readRows({ path, competition, keep, sha256, signal });
  const trained = await trainer.train({ rows, recipe, maxTokens, seed: receipt.epochSeed, signal });
  const evaluated = trained.ok
    ? await trainer.evaluate({
        ...{ rows: evaluation.rows, adapter: trained.value.adapter, contextTokens: recipe.contextTokens, signal },
      })
    : trained;
  if (!evaluated.ok)
    throw bad(`training gives no loss: ${evaluated.verdict.message}`, 'look at the report of that uid');

  const { lossNatsPerToken } = entry.outcome;
  const { lossNatsPerToken: seen, rowLosses } = evaluated.value;
  const measured = inputs.measured[entry.hotkey];
  const packed = measured?.rowLosses ?? null;
  const before = packed === null ? null : unpackRowLosses(packed, evaluation.rows.length);
  const isSameDevice = isSame(receipt, trainer, hereIs());
  const isDivided = measured?.divided === true || (trained.ok && trained.value.divided === true);
  const tolerance = isSameDevice && !isDivided ? 0 : toleranceOf(trainer.precision.matmul);
  return {
    ...{ lossNatsPerToken, seenLossNatsPerToken: seen, isSameDevice, tolerance },
    good: Math.abs(seen - lossNatsPerToken) <= tolerance * lossNatsPerToken,
    otherRows: before && rowLosses.filter((loss, row) => loss !== before[row]).length,
  };
}

function isSame({ trainer: then, inputs }: Receipt, now: Trainer, machine: ReceiptMachine): boolean {
  const facts = ({ backend, precision, weightStorage }: Pick<Trainer, 'backend' | 'precision' | 'weightStorage'>) => [
    ...[backend.name, backend.packageVersion, backend.libraryVersion, backend.cuda],
    ...[precision.matmul, precision.xla, weightStorage.dtype],
  ];
  const whole = ({ platform, arch, cpu }: ReceiptMachine) => [platform, arch, cpu];
  return JSON.stringify([facts(then), whole(inputs.machine)]) === JSON.stringify([facts(now), whole(machine)]);
}

function requireSame(what: string, expected: string, seen: string, fix: string): void {
  if (seen !== expected) throw bad(`the ${what} is another one: the report has ${expected}, and this is ${seen}`, fix);
}

function bad(what: string, fix: string): FlockOffError {
  return new FlockOffError({ code: 'bad-argument', what, fix });
}
