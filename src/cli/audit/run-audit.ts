import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { FlockOffError } from '../../errors/flock-off-error.ts';
import { openPolicy } from '../../policy/open-policy.ts';
import {
  type AuditedReport,
  type AuditReceiptsParameters,
  type AuditReceiptsReturnType,
  auditReceipts,
} from '../../validator/receipts/audit/audit.ts';
import { readReceipt } from '../../validator/receipts/audit/read-receipt.ts';
import { type RetrainReturnType, retrain } from '../../validator/receipts/audit/retrain.ts';
import { amount, printable } from '../check/words.ts';
import { runCommandLine } from '../run-command-line.ts';
import { untilInterrupted } from '../until-interrupted.ts';

export interface AuditFlags {
  reports: string[];
  hotkey?: string;
  policy?: string;
  'subtensor.network'?: string;
  'subtensor.chain_endpoint'?: string;
  retrain?: number;
  eval_data?: string;
  base_model: string;
  cache_dir: string;
  hf_endpoint: string;
  json: boolean;
}

/** What `--json` prints. Fields may be added to a version; none is changed or removed. */
export interface AuditOutput extends AuditReceiptsReturnType {
  version: 1;
  /** `null` without `--retrain`. */
  retrained: (RetrainReturnType & { uid: number; startBlock: number }) | null;
}

/** Audits reports and prints what was found; sets the exit code and never throws. */
export async function runAudit(flags: AuditFlags): Promise<void> {
  await runCommandLine(async () => {
    const output = await untilInterrupted((signal) => audit(flags, signal));
    return { text: flags.json ? JSON.stringify(output, null, 2) : textOf(output), good: output.good };
  });
}

async function audit(flags: AuditFlags, signal: AbortSignal): Promise<AuditOutput> {
  const { reports: paths, hotkey: signer, retrain: uid } = flags;
  if (uid !== undefined && (!Number.isInteger(uid) || uid < 0 || flags.eval_data === undefined))
    throw new FlockOffError({
      code: 'bad-argument',
      what: flags.eval_data === undefined ? '--retrain needs the evaluation set' : '--retrain takes a uid',
      fix: 'pass --retrain 7 --eval_data <path>',
    });
  const policy = flags.policy === undefined ? undefined : await openPolicy(flags.policy);
  const audited = await withChain(flags, signal, (subtensor) =>
    auditReceipts({ paths, signer, policy, subtensor, signal }),
  );
  const last = audited.reports.at(-1);
  const retrained =
    uid === undefined || !last || last.findings.length > 0
      ? null
      : await retrainLast(flags, { uid, policy, last, signal });
  return { version: 1, ...audited, good: audited.good && (retrained?.good ?? uid === undefined), retrained };
}

/** With the chain that the flags name, or without any. */
async function withChain<T>(
  flags: AuditFlags,
  signal: AbortSignal,
  work: (subtensor: AuditReceiptsParameters['subtensor']) => Promise<T>,
): Promise<T> {
  const { 'subtensor.network': network, 'subtensor.chain_endpoint': urls } = flags;
  if (network === undefined && urls === undefined) return work(undefined);
  const { withChain: withOpenChain } = await import('../with-chain.ts');
  return withOpenChain({ network, endpoints: urls?.split(',').map((url) => url.trim()), signal, work });
}

interface RetrainLastParameters {
  uid: number;
  policy: AuditReceiptsParameters['policy'];
  last: AuditedReport;
  signal: AbortSignal;
}

async function retrainLast(
  flags: AuditFlags,
  { uid, policy, last: { path, startBlock }, signal }: RetrainLastParameters,
): Promise<AuditOutput['retrained']> {
  const read = await readReceipt({ path });
  if (!read.ok) return null;
  const { receipt } = read;
  const [{ LoraTrainer }, { DatasetChecker }, { HubDatasetStore }, { loadEvaluationSet }, { hubCacheFolder }] =
    await Promise.all([
      import('../../trainer/lora-trainer.ts'),
      import('../../dataset/checker/dataset-checker.ts'),
      import('../../hub/hub-dataset-store.ts'),
      import('../../dataset/load-rows.ts'),
      import('../../trainer/model/hub-cache-folder.ts'),
    ]);
  const { eval_data: evalData = '', base_model: model, cache_dir: cacheDir, hf_endpoint: endpoint } = flags;
  const evaluation = await loadEvaluationSet({
    path: evalData.endsWith('.jsonl') ? evalData : join(evalData, 'data.jsonl'),
  });
  const folder = await mkdtemp(join(tmpdir(), 'flock-off-audit-'));
  const checker = new DatasetChecker({});
  const { matmul, xla } = receipt.trainer.precision;
  const trainer = await LoraTrainer.open({
    ...{ model, cacheDir, hubCacheDir: hubCacheFolder(process.env), hubEndpoint: endpoint, signal },
    ...{ matmul, xla: xla ? 'on' : 'off', recipe: receipt.inputs.competition.recipe },
  });
  try {
    const datasets = new HubDatasetStore({ endpoint });
    const again = await retrain({
      ...{ receipt, uid, policy, trainer, datasets, checker, evaluation, folder, signal },
    });
    return { ...again, uid, startBlock: startBlock ?? receipt.startBlock };
  } finally {
    trainer.dispose();
    checker.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function textOf({ good, reports, chain, retrained }: AuditOutput): string {
  const lines = reports.flatMap(({ path, findings, unchecked }) => [
    ...findings.map(({ place, why }) => `${basename(path)}: ${place} ${why}`),
    ...unchecked.map((what) => `${basename(path)}: not looked at: ${what}`),
  ]);
  const bad = reports.filter(({ findings }) => findings.length > 0).length;
  const said = chain ?? ['nothing was compared with a chain: name one with --subtensor.network'];
  if (retrained) said.push(retrainedText(retrained));
  const sum =
    bad > 0
      ? `${bad} of ${amount(reports.length, 'report')} ${bad === 1 ? 'is' : 'are'} not as ${bad === 1 ? 'it' : 'they'} should be`
      : `${amount(reports.length, 'report')}: signatures, chain, draws, verdicts, scores and weights are as they should be`;
  return [...lines, sum, ...said, ...(good || bad > 0 ? [] : ['the losses are not'])].map(printable).join('\n');
}

function retrainedText(retrained: NonNullable<AuditOutput['retrained']>): string {
  const { uid, startBlock, lossNatsPerToken, seenLossNatsPerToken: seen, isSameDevice, tolerance } = retrained;
  const losses = `the report of block ${startBlock} has loss ${lossNatsPerToken} of uid ${uid}, trained again it is ${seen}`;
  const how = isSameDevice
    ? `the same device class, so it must be equal to the last bit, and is${retrained.good ? '' : ' not'}`
    : `another device class, so they may differ by ${100 * tolerance} %, and ${retrained.good ? 'do not differ by more' : 'differ by more'}`;
  return `${losses} (${how})`;
}
