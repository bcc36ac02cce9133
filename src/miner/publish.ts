import type { MetadataStore } from '../chain/commitments/metadata-store.ts';
import type { HotkeySigner } from '../chain/wallet/hotkey.ts';
import { checkDataset } from '../dataset/check.ts';
import { FlockOffError } from '../errors/flock-off-error.ts';
import type { DatasetStore } from '../hub/dataset-store.ts';
import { Competition } from '../schema/competition.ts';
import { ModelId } from '../schema/model-id.ts';
import { accept, type Checked } from '../schema/verdict.ts';
import type { Clock } from '../shared/clock.ts';
import { type Logger, safeLogger } from '../shared/logger.ts';
import { timed } from '../shared/timed.ts';
import type { PublishStep } from './publish-step.ts';
import { showToAll } from './show-to-all.ts';

export type { PublishStep } from './publish-step.ts';

export interface PublishDatasetParameters {
  /** The `data.jsonl` to publish. */
  path: string;
  /** `namespace/name` of the dataset repository; created when missing. */
  repo: string;
  /**
   * Publishes into a repository of its own for each version, named `<repo>-<8 hex digits of the file's hash>`, so that a
   * new version is not public before its pointer is in a block either. Default false.
   */
  freshRepository?: boolean;
  /** Does all but write: ends before anything is uploaded or committed. Default false. */
  dryRun?: boolean;
  datasets: DatasetStore;
  metadata: Omit<MetadataStore, 'readSubnet' | 'readSubnetAt' | 'readPositions'>;
  hotkey: HotkeySigner;
  /** Rules the rows are checked against before anything leaves this machine. Default: competition "1". */
  competition?: Competition;
  /** How long making the dataset public is tried where the Hub fails in passing. Default 1 hour. */
  publicTimeoutMs?: number;
  signal?: AbortSignal;
  clock?: Clock;
  logger?: Logger;
  /** Called as each step is done, and while one is waited for. */
  onStep?: (step: PublishStep) => void;
}

export interface PublishDatasetReturnType {
  /** The text now on the chain; of a dry run one that is as long. */
  pointer: string;
  rows: number;
  /** Block the pointer was committed in; `null` after a dry run. */
  commitBlock: number | null;
}

/**
 * A miner's whole job: check the rows, wait for room on the chain, upload the file where nobody else can read it, commit
 * the pointer to the exact upload, and make it public once that is in a block. So nobody can commit it first. It can be
 * killed at any point: done again with the same file it goes on where it was, and where all is done it changes nothing.
 *
 * A repository that is public already cannot hide a new version: see the step `exposed`, and `freshRepository`.
 *
 * @returns the committed pointer, or the verdict a validator would give, with nothing uploaded.
 * @throws FlockOffError for faults of the hub, the chain, the wallet or the disk; `hub-denied` when the token may not do
 *   all of it, before anything is sent; `bad-argument` when `repo` is no repository name or the pointer would be longer than
 *   every validator reads (also before). Where the pointer is in a block and the data is not public, the message says so.
 * @example
 * const published = await publishDataset({ path: 'data.jsonl', repo: 'ann/chat', datasets, metadata, hotkey });
 * if (!published.ok) console.log(published.verdict.message);
 */
export async function publishDataset(parameters: PublishDatasetParameters): Promise<Checked<PublishDatasetReturnType>> {
  const { path, datasets, metadata, hotkey, signal, onStep } = parameters;
  const competition = parameters.competition ?? Competition.parse({});
  const logger = safeLogger(parameters.logger);
  const pointerTo = (repo: string, commit: string) =>
    metadata.pointerText({ repo, competition: competition.id, commit, signal });
  const longest = await pointerTo(versionOf(parameters, ANY_HASH), '0'.repeat(40));
  requireReadable(longest);

  const dataset = await timed(logger, `checking ${path}`, () => checkDataset({ path, competition, signal }));
  if (!dataset.ok) return dataset;
  const { rows, bytes, sha256, warnings } = dataset.value;
  onStep?.({ kind: 'checked', rows: rows.length, bytes, warnings });
  const repo = versionOf(parameters, sha256);

  await metadata.requireRegistered({ hotkey: hotkey.address, signal });
  const pointed = await pointedCommit(parameters, repo, competition.id);
  const upload = { repo, path, owner: hotkey.address, signal };
  const found = await datasets.findUpload({ ...upload, commit: pointed });
  onStep?.({ kind: 'looked', repo, visibility: found.visibility });
  if (parameters.dryRun) return accept({ pointer: longest, rows: rows.length, commitBlock: null });

  const onWait = (wait: { block: number; blocksLeft: number }) =>
    onStep?.({ kind: 'waiting', untilBlock: wait.block, blocksLeft: wait.blocksLeft });
  let { commit } = found;
  if (commit === null || commit !== pointed) {
    if (found.visibility === 'public') onStep?.({ kind: 'exposed', repo });
    await metadata.waitForRoom({ hotkey: hotkey.address, bytes: Buffer.byteLength(longest), signal, onWait });
    if (commit === null) ({ commit } = await datasets.upload({ ...upload, visibility: 'private' }));
    onStep?.({ kind: 'uploaded', repo, commit });
  }
  const { pointer, block } = await metadata.commit({
    repo,
    competition: competition.id,
    commit,
    hotkey,
    signal,
    onWait,
  });
  onStep?.({ kind: 'committed', pointer, block });
  if (found.visibility !== 'public')
    await showToAll({ ...parameters, repo, commit, commitBlock: block, competition, logger });
  return accept({ pointer, rows: rows.length, commitBlock: block });
}

/** Stands in for a file's hash where only its length counts. */
const ANY_HASH = '0'.repeat(64);
const HASH_DIGITS = 8;

/** The repository for a file of this hash: the same one each time it is published. */
function versionOf({ repo, freshRepository = false }: PublishDatasetParameters, sha256: string): string {
  return freshRepository ? `${repo}-${sha256.slice(0, HASH_DIGITS)}` : repo;
}

/** The commit of this repository that the hotkey's pointer on the chain names now, `null` when it names none. */
async function pointedCommit(
  { metadata, hotkey, signal }: PublishDatasetParameters,
  repo: string,
  competition: string,
): Promise<string | null> {
  const committed = await metadata.read({ hotkey: hotkey.address, signal });
  const pointer = ModelId.safeDecode(committed?.text ?? '');
  if (!pointer.success || pointer.data.repo !== repo || pointer.data.competition !== competition) return null;
  return pointer.data.commit;
}

/** What fits into a `Raw` field; longer ones are a `BigRaw`, which the competition's Python validators take for nothing. */
const READABLE_BYTES = 128;

function requireReadable(pointer: string): void {
  const bytes = Buffer.byteLength(pointer);
  if (bytes <= READABLE_BYTES) return;
  throw new FlockOffError({
    code: 'bad-argument',
    what: `the pointer would have ${bytes} bytes, and not every validator reads more than ${READABLE_BYTES}`,
    fix: `shorten the name of the repository by ${bytes - READABLE_BYTES}`,
    facts: { name: 'pointer', value: pointer, most: READABLE_BYTES },
  });
}
