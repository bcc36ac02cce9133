import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { ChainMetadataStore } from '../../chain/commitments/chain-metadata-store.ts';
import { isAddress, readHotkeyAddress } from '../../chain/wallet/hotkey.ts';
import type { Dataset } from '../../dataset/check.ts';
import { DatasetChecker } from '../../dataset/checker/dataset-checker.ts';
import { fingerprintRows } from '../../dataset/fingerprint/fingerprint-rows.ts';
import { isCode } from '../../errors/flock-off-error.ts';
import { HubDatasetStore } from '../../hub/hub-dataset-store.ts';
import { commitTerms } from '../../miner/preview/commit-terms.ts';
import { previewRows, type RowsPreview } from '../../miner/preview/preview-rows.ts';
import { openPolicy } from '../../policy/open-policy.ts';
import type { Policy } from '../../policy/policy.ts';
import { policyOf } from '../../policy/shipped.ts';
import { encodePointer } from '../../schema/model-id.ts';
import type { SubnetIdentity } from '../../schema/subnet-identity.ts';
import { intakeOf } from '../../validator/policy.ts';
import { ValidatorState } from '../../validator/state.ts';
import { checkReport } from '../check/check-report.ts';
import { openTokenCounter, type TokenCounter } from '../check/token-counter.ts';
import { runCommandLine } from '../run-command-line.ts';
import { untilInterrupted } from '../until-interrupted.ts';
import { withChain } from '../with-chain.ts';
import {
  identify,
  type NamedCompetition,
  readEvaluation,
  readNamedCompetition,
  wrongFlag,
} from './named-competition.ts';
import type { PreviewFlags, PreviewOutput } from './preview-output.ts';
import { previewText } from './preview-text.ts';

/** Previews a file and prints what was found; sets the exit code and never throws. */
export async function runPreview(flags: PreviewFlags): Promise<void> {
  await runCommandLine(async () => {
    const { output, isUnknown, lines } = await untilInterrupted((signal) => preview(flags, signal));
    const text = flags.json ? JSON.stringify(output, null, 2) : previewText(output, { ...flags, lines });
    return { text, good: output.good, isUnknown };
  });
}

/** @param lines for people: what was found of the competition. */
async function preview(
  flags: PreviewFlags,
  signal: AbortSignal,
): Promise<{ output: PreviewOutput; isUnknown: boolean; lines: string[] }> {
  const hotkey = await hotkeyOf(flags);
  const named = await readNamedCompetition(flags, signal);
  const { competition, netuid } = named;
  const policy =
    flags.policy === undefined ? undefined : (await openPolicy(flags.policy))(competition.policy.parameters);
  const decides = policyOf(competition.policy, policy);
  const evaluation = await readEvaluation(named, flags, signal);
  const isTrained = flags.train || flags.rows;
  const { minOwnRows, evaluationRows } = intakeOf({ competition, policy });
  if (evaluation === null && (isTrained || evaluationRows === 'require'))
    throw wrongFlag('this takes the evaluation set of the competition', 'pass --eval_data <path>, or --competition');
  const counter = await tokenCounterOf(named, flags);
  // Before anything is downloaded: a file that cannot be read ends it here.
  const fingerprint = evaluation && fingerprintRows(evaluation.rows);
  const check = await checkReport({
    ...{ path: flags.file, counter, evaluation: fingerprint, all: flags.all, signal },
    // Rows that must be of the set are nobody's.
    competition: { ...competition, minOwnRows, evaluationRows: evaluationRows === 'leave-out' ? 'leave-out' : 'allow' },
  });
  const found = await withChain({
    network: flags['subtensor.network'],
    endpoints: endpointsOf(flags),
    signal,
    work: async (subtensor) => {
      const { subnet, lines } = await identify(named, subtensor, signal);
      const metadata = new ChainMetadataStore({ subtensor, netuid });
      // Nobody knows the rows of time-locked sets: those of the one to try things on are left out by nobody.
      const judged = competition.evaluationSets ? null : evaluation;
      const rows = await rowsOf({ flags, named, policy, evaluation: judged, subnet, metadata, hotkey, signal });
      const commit = hotkey === undefined ? null : await commitOf({ flags, named, metadata, hotkey, rows, signal });
      return { subnet, lines, rows, commit };
    },
  });
  const { kept, ...rows } = found.rows;
  const verdict = rows.verdict ?? check.verdict;
  const trained =
    evaluation === null || kept === null || verdict !== null || !isTrained
      ? null
      : await (await import('./measure.ts')).measure({ flags, named, decides, evaluation, kept, hotkey, signal });
  // What a sample is worth says little of what all of it is.
  const isUnknown =
    trained !== null &&
    (trained.tooSlow || (trained.sample !== null && trained.verdict === null && trained.worth === null));
  const good = verdict === null && (trained === null || trained.worth !== null);
  const output: PreviewOutput = {
    ...{ version: 1, good, subnet: found.subnet, competition: flags.competition ?? null, check },
    rows: { ...rows, rowsTrainedOn: kept?.length ?? null },
    ...{ commit: found.commit, trained },
  };
  return { output, isUnknown, lines: found.lines };
}

async function hotkeyOf(flags: PreviewFlags): Promise<string | undefined> {
  const { hotkey, 'wallet.hotkey': name } = flags;
  if (hotkey !== undefined && name !== undefined)
    throw wrongFlag('--hotkey and --wallet.hotkey both say who commits', 'leave one of them out');
  if (hotkey !== undefined && !(await isAddress(hotkey)))
    throw wrongFlag('--hotkey is no ss58 address', 'pass the address of the hotkey, or its name as --wallet.hotkey');
  if (name === undefined) return hotkey;
  return readHotkeyAddress({ path: flags['wallet.path'], name: flags['wallet.name'], hotkey: name });
}

/** Of the competition's base model, where this disk has its tokenizer. */
async function tokenCounterOf({ founded }: NamedCompetition, { base_model }: PreviewFlags): Promise<TokenCounter> {
  const { env } = process;
  const baseModel = base_model ?? founded?.document.baseModel.model;
  try {
    return await openTokenCounter({ baseModel, env });
  } catch (error) {
    // It may be one of the Hub, which training would fetch.
    if (isCode(error, 'bad-argument')) return openTokenCounter({ env });
    throw error;
  }
}

interface RowsParameters {
  flags: PreviewFlags;
  named: NamedCompetition;
  policy: Policy | undefined;
  evaluation: Dataset | null;
  subnet: SubnetIdentity;
  metadata: ChainMetadataStore;
  hotkey: string | undefined;
  signal: AbortSignal;
}

const NO_ROWS: Dataset = { rows: [], sha256: '', bytes: 0, codePoints: 0, likelyTokens: 0, warnings: [] };

/** What others have shown is kept for each competition by itself: what counts as shown hangs on its rules. */
async function rowsOf({ flags, named, policy, subnet, ...parameters }: RowsParameters): Promise<RowsPreview> {
  const { metadata, hotkey, signal } = parameters;
  const { competition, netuid } = named;
  const of = createHash('sha256').update(
    JSON.stringify([subnet.genesisHash, netuid, subnet.registrationBlock, competition.id]),
  );
  const folder = join(flags.data_dir, of.digest('hex').slice(0, 16));
  const state = await ValidatorState.open({ path: join(folder, 'state') });
  const checker = new DatasetChecker();
  try {
    return await previewRows({
      ...{ path: flags.file, competition, policy, metadata, hotkey, checker, state, signal },
      datasets: new HubDatasetStore({ endpoint: flags.hf_endpoint }),
      evaluation: parameters.evaluation ?? NO_ROWS,
      cacheDir: join(folder, 'datasets'),
    });
  } finally {
    checker.close();
    await state.close();
  }
}

interface CommitParameters extends Pick<RowsParameters, 'flags' | 'named' | 'metadata' | 'signal'> {
  hotkey: string;
  rows: RowsPreview;
}

async function commitOf({
  flags,
  named,
  metadata,
  hotkey,
  rows,
  signal,
}: CommitParameters): Promise<PreviewOutput['commit']> {
  const { competition } = named;
  const { hf_repo_id: repo } = flags;
  const bytes =
    repo === undefined
      ? undefined
      : Buffer.byteLength(encodePointer({ repo, competition: competition.id, commit: '0'.repeat(40) }));
  const terms = await commitTerms({ metadata, competition, hotkey, bytes, signal });
  return { ...terms, hotkey, registered: rows.uid !== null };
}

function endpointsOf(flags: PreviewFlags): string[] | undefined {
  const urls = (flags['subtensor.chain_endpoint'] ?? '').split(',').map((url) => url.trim());
  return urls.some((url) => url !== '') ? urls : undefined;
}
