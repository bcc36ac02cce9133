import type { MetadataStore } from '../chain/commitments/metadata-store.ts';
import type { HotkeySigner } from '../chain/wallet/hotkey.ts';
import { checkDataset } from '../dataset/check.ts';
import { FlockOffError } from '../errors/flock-off-error.ts';
import type { DatasetStore } from '../hub/dataset-store.ts';
import { Competition } from '../schema/competition.ts';
import { accept, type Checked } from '../schema/verdict.ts';
import { type Logger, safeLogger } from '../shared/logger.ts';
import { timed } from '../shared/timed.ts';

export interface PublishDatasetParameters {
  /** The `data.jsonl` to publish. */
  path: string;
  /** `namespace/name` of the dataset repository; created when missing. */
  repo: string;
  datasets: DatasetStore;
  metadata: Pick<MetadataStore, 'commit' | 'pointerText' | 'requireRegistered'>;
  hotkey: HotkeySigner;
  /** Rules the rows are checked against before anything leaves this machine. Default: competition "1". */
  competition?: Competition;
  signal?: AbortSignal;
  logger?: Logger;
  /** Called before each step, and while waiting for the chain's cooldown. */
  onStep?: (step: PublishStep) => void;
}

export type PublishStep =
  | { kind: 'checked'; rows: number; bytes: number }
  | { kind: 'uploaded'; commit: string }
  | { kind: 'waiting'; untilBlock: number; blocksLeft: number };

export interface PublishDatasetReturnType {
  /** The text now on the chain. */
  pointer: string;
  rows: number;
  /** Block the pointer was committed in. */
  commitBlock: number;
}

/**
 * A miner's whole job: check the rows, upload the file, commit the pointer to the exact upload on the chain, waiting
 * through the commitment cooldown. Doing it again with the same file changes nothing.
 *
 * @returns the committed pointer, or the verdict a validator would give, with nothing uploaded.
 * @throws FlockOffError for faults of the hub, the chain, the wallet or the disk, and `bad-argument` when `repo` is no
 *   repository name or the pointer would be longer than every validator reads (also before anything is uploaded).
 */
export async function publishDataset(parameters: PublishDatasetParameters): Promise<Checked<PublishDatasetReturnType>> {
  const { path, repo, datasets, metadata, hotkey, signal, onStep } = parameters;
  const competition = parameters.competition ?? Competition.parse({});
  requireReadable(await metadata.pointerText({ repo, competition: competition.id, commit: '0'.repeat(40), signal }));

  const dataset = await timed(safeLogger(parameters.logger), `checking ${path}`, () =>
    checkDataset({ path, competition, signal }),
  );
  if (!dataset.ok) return dataset;
  const rows = dataset.value.rows.length;
  onStep?.({ kind: 'checked', rows, bytes: dataset.value.bytes });

  await metadata.requireRegistered({ hotkey: hotkey.address, signal });
  const { commit } = await datasets.upload({ repo, path, signal });
  onStep?.({ kind: 'uploaded', commit });

  const id = { repo, competition: competition.id, commit };
  const { pointer, block } = await metadata.commit({
    ...id,
    hotkey,
    signal,
    onWait: (wait) => onStep?.({ kind: 'waiting', untilBlock: wait.block, blocksLeft: wait.blocksLeft }),
  });
  return accept({ pointer, rows, commitBlock: block });
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
