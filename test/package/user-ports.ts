// What a user writes behind the public ports, with types that the package exports. It is compiled against the sources
// by the type check and against the packed package by package.test.ts, and user-ports.test.ts runs an epoch on it.
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type {
  BeginEpochParameters,
  Chain,
  Checked,
  Clock,
  DatasetCheckerPort,
  DatasetStore,
  DatasetVersion,
  Download,
  DownloadDatasetParameters,
  EpochReport,
  EvaluateParameters,
  EvaluationResult,
  FileFinding,
  FindUploadParameters,
  FingerprintStore,
  FinishEpochParameters,
  FlockOffErrorParameters,
  FoundUpload,
  HotkeySigner,
  Inclusion,
  KeepSinceParameters,
  LatePointer,
  LedgerContents,
  LedgerEntry,
  Logger,
  LoraAdapter,
  LoraTrainer,
  MakePublicParameters,
  MetadataStore,
  NamedTensor,
  OpenEpoch,
  PendingReveal,
  PendingRevealStore,
  PinnedDataset,
  PublishDatasetParameters,
  PublishDatasetReturnType,
  PutBaselineParameters,
  PutDownloadParameters,
  PutFileFindingParameters,
  PutLatePointersParameters,
  PutLedgerParameters,
  PutScoreParameters,
  ReadParameters,
  Snapshot,
  Standings,
  StateHistory,
  StateStore,
  StoredFile,
  SubmitParameters,
  SubnetParameters,
  Subtensor,
  Trainer,
  TrainParameters,
  TrainResult,
  UploadDatasetParameters,
  UploadedDataset,
  Validator,
  ValidatorEvent,
  WaitForBlockParameters,
  WeightStore,
} from 'flock-off';
import { ChainMetadataStore, FlockOffError, publishDataset, runEpoch, WeightSetter } from 'flock-off';
import type { LocalHub, Repository } from 'flock-off/local';

export const myFault = (parameters: FlockOffErrorParameters) => new FlockOffError({ transient: true, ...parameters });

/** Datasets in a folder of this machine. */
export class MyStore implements DatasetStore {
  readonly #root: string;
  constructor(root: string) {
    this.#root = root;
  }

  /** Whoever can read the folder can read what is in it. */
  async findUpload({ repo, path, signal }: FindUploadParameters): Promise<FoundUpload> {
    const bytes = await readFile(path, { signal });
    const commit = createHash('sha1').update(bytes).digest('hex');
    return { visibility: 'public', commit: (await this.isReadable({ repo, commit })) ? commit : null };
  }

  async makePublic({ repo }: MakePublicParameters): Promise<void> {
    throw myFault({ code: 'hub-denied', what: `${repo} was never private`, facts: { status: 403 } });
  }

  async isReadable({ repo, commit }: DatasetVersion): Promise<boolean> {
    return readFile(this.#file(repo, commit)).then(
      () => true,
      () => false,
    );
  }

  async owners(): Promise<Checked<string[] | null>> {
    return { ok: true, value: null };
  }

  async upload({ repo, path, signal }: UploadDatasetParameters): Promise<UploadedDataset> {
    if (!repo.includes('/'))
      throw myFault({ code: 'hub-denied', what: `${path} may not be put into ${repo}`, facts: { status: 403 } });
    const bytes = await readFile(path, { signal });
    const commit = createHash('sha1').update(bytes).digest('hex');
    await mkdir(dirname(this.#file(repo, commit)), { recursive: true });
    await copyFile(path, this.#file(repo, commit));
    return { commit, sha256: sha256(bytes), bytes: bytes.length };
  }

  async download({ repo, commit, to, maxBytes }: DownloadDatasetParameters): Promise<Checked<StoredFile>> {
    const bytes = await readFile(this.#file(repo, commit)).catch(() => null);
    if (!bytes) return { ok: false, verdict: { reason: 'dataset-missing', message: `there is no ${repo}` } };
    if (bytes.length > maxBytes)
      return { ok: false, verdict: { reason: 'dataset-too-large', message: `${repo} is too large` } };
    await copyFile(this.#file(repo, commit), to);
    return { ok: true, value: { path: to, sha256: sha256(bytes), bytes: bytes.length } };
  }

  #file(repo: string, commit: string): string {
    return join(this.#root, repo, `${commit}.jsonl`);
  }
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** A key that is elsewhere, and wants to see what it signs. */
export const mySigner = (elsewhere: HotkeySigner, seen: string[]): HotkeySigner => ({
  address: elsewhere.address,
  publicKey: elsewhere.publicKey,
  sign: async ({ payload, transaction }) => {
    seen.push(transaction.method);
    return elsewhere.sign({ payload, transaction });
  },
});

/** A chain that says what it is asked, and asks another one. */
export class MyChain implements Chain {
  readonly asked: string[] = [];
  readonly #chain: Chain;
  constructor(chain: Chain) {
    this.#chain = chain;
  }

  waitForBlock({ block, signal }: WaitForBlockParameters): Promise<number> {
    this.asked.push('waitForBlock');
    return this.#chain.waitForBlock({ block, signal });
  }
  epoch({ netuid, signal }: SubnetParameters) {
    this.asked.push('epoch');
    return this.#chain.epoch({ netuid, signal });
  }
  metagraph(parameters: SubnetParameters) {
    this.asked.push('metagraph');
    return this.#chain.metagraph(parameters);
  }
  read<T>({ what, use, signal }: ReadParameters<T>): Promise<T> {
    this.asked.push('read');
    return this.#chain.read({ what, use: (snapshot: Snapshot) => use(snapshot), signal });
  }
  submit(parameters: SubmitParameters): Promise<Inclusion> {
    this.asked.push(parameters.name);
    return this.#chain.submit(parameters);
  }
}

/** Takes a dataset for the better the more different words it has. */
export const myTrainer: Trainer = {
  backend: { name: 'cpu', packageVersion: '0', libraryVersion: null, cuda: false },
  precision: { matmul: 'float32', xla: false, reason: 'nothing is multiplied' },
  weightStorage: { dtype: 'float32', mapped: false, reason: 'there are none' },
  baseSha256: '0'.repeat(64),
  train: async ({ rows, seed, signal }: TrainParameters): Promise<Checked<TrainResult>> => {
    signal?.throwIfAborted();
    const words = new Set(
      rows.flatMap(({ conversations }) => conversations.flatMap((turn) => turn.content.split(' '))),
    );
    const tensors = new Map<string, NamedTensor>([
      ['words', { shape: [1], data: Float32Array.of(words.size + seed / 2 ** 32) }],
    ]);
    const adapter = { rank: 1, alpha: 1, dropout: 0, tensors };
    return { ok: true, value: { adapter, steps: 1, stepLossesNatsPerToken: [1], tokens: words.size } };
  },
  evaluate: async ({ rows, adapter }: EvaluateParameters): Promise<Checked<EvaluationResult>> => {
    const loss = 1 / (1 + (adapter ? (largest(adapter)?.data[0] ?? 0) : 0));
    const value = { lossNatsPerToken: loss, rowLosses: rows.map(() => loss), rows: rows.length, tokens: rows.length };
    return { ok: true, value };
  },
};

export class MyReveals implements PendingRevealStore {
  readonly #reveals = new Map<string, PendingReveal>();
  list = async () => [...this.#reveals.values()];
  put = async (reveal: PendingReveal) => void this.#reveals.set(reveal.id, reveal);
  delete = async (id: string) => void this.#reveals.delete(id);
}

/** A state that lasts as long as the process. */
export class MyState implements StateStore {
  readonly id = 'mine';
  readonly pendingReveals = new MyReveals();
  #epoch: OpenEpoch | null = null;
  #queue: unknown = null;
  #history: StateHistory | null = null;
  #standings: Standings = {};
  #late: LatePointer[] = [];
  readonly #scores = new Map<string, Checked<number>>();
  readonly #baselines = new Map<string, number>();
  readonly #downloads = new Map<string, Download>();
  readonly #checked = new Map<string, FileFinding>();
  readonly #ledger = new Map<string, LedgerEntry>();
  readonly #fingerprints = new Map<string, Uint8Array>();

  openEpoch = async () => this.#epoch;
  history = async () => this.#history;
  queue = async () => this.#queue;
  standings = async () => this.#standings;
  beginEpoch = async ({ epoch, queue, history }: BeginEpochParameters) => {
    this.#history = history;
    this.#epoch = epoch;
    this.#queue = queue;
  };
  finishEpoch = async ({ standings, ledger, queue, history }: FinishEpochParameters) => {
    await this.putLedger(ledger);
    this.#history = history;
    this.#standings = standings;
    this.#queue = queue;
    this.#epoch = null;
    this.#scores.clear();
  };
  score = async (key: string) => this.#scores.get(key) ?? null;
  putScore = async ({ key, score }: PutScoreParameters) => void this.#scores.set(key, score);
  baseline = async (key: string) => this.#baselines.get(key) ?? null;
  putBaseline = async ({ key, lossNatsPerToken }: PutBaselineParameters) =>
    void this.#baselines.set(key, lossNatsPerToken);
  download = async (pinned: PinnedDataset) => this.#downloads.get(nameOf(pinned)) ?? null;
  putDownload = async ({ repo, commit, ...file }: PutDownloadParameters) =>
    void this.#downloads.set(nameOf({ repo, commit }), file);
  fileFinding = async (key: string) => this.#checked.get(key) ?? null;
  putFileFinding = async ({ key, ...file }: PutFileFindingParameters) => void this.#checked.set(key, file);
  ledger = async () => [...this.#ledger.values()];
  putLedger = async ({ put, removed }: PutLedgerParameters) => {
    for (const entry of put) this.#ledger.set(entry.hotkey, entry);
    for (const hotkey of removed) this.#ledger.delete(hotkey);
  };
  latePointers = async () => this.#late;
  putLatePointers = async ({ late }: PutLatePointersParameters) => {
    this.#late = late;
  };
  beginWithLedger = async ({ entries, standings, queue, epoch, history, late }: LedgerContents) => {
    this.#late = late;
    for (const entry of entries) this.#ledger.set(entry.hotkey, entry);
    this.#standings = standings;
    this.#queue = queue;
    this.#epoch = epoch;
    this.#history = history;
  };
  keepSince = async ({ block, named }: KeepSinceParameters) => {
    const kept = named.map(nameOf);
    for (const [name, file] of this.#downloads)
      if (file.block < block && !kept.includes(name)) this.#downloads.delete(name);
    for (const [key, file] of this.#checked) if (file.block < block) this.#checked.delete(key);
  };
  readonly fingerprints: FingerprintStore = {
    has: async (name) => this.#fingerprints.has(name),
    read: async (name) => this.#fingerprints.get(name) ?? null,
    write: async ({ name, fingerprint }) => void this.#fingerprints.set(name, fingerprint),
    keepOnly: async (names) => {
      for (const name of this.#fingerprints.keys()) if (!names.includes(name)) this.#fingerprints.delete(name);
    },
  };
}

const nameOf = ({ repo, commit }: PinnedDataset) => `${repo}@${commit}`;

export interface MyPorts {
  netuid: number;
  chain: Chain;
  hotkey: HotkeySigner;
  datasets: DatasetStore;
}

/** A miner on ports of one's own. */
export function publish(
  { netuid, chain, hotkey, datasets }: MyPorts,
  dataset: Pick<PublishDatasetParameters, 'path' | 'repo' | 'signal'>,
): Promise<Checked<PublishDatasetReturnType>> {
  const metadata: MetadataStore = new ChainMetadataStore({ subtensor: chain, netuid });
  return publishDataset({ ...dataset, datasets, metadata, hotkey });
}

/** A validator on ports of one's own, in every place that has one. */
export function validate(
  { netuid, chain, hotkey, datasets }: MyPorts,
  rest: Pick<Validator, 'competition' | 'evaluation' | 'cacheDir'> & { checker: DatasetCheckerPort },
): Promise<EpochReport> {
  const state = new MyState();
  const { pendingReveals } = state;
  const weightSetter: WeightStore = new WeightSetter({ subtensor: chain, netuid, hotkey, pendingReveals });
  const metadata = new ChainMetadataStore({ subtensor: chain, netuid });
  const validator: Validator = {
    ...rest,
    ...{ netuid, subtensor: chain, metadata, weightSetter, datasets, trainer: myTrainer, state, blockThreshold: 50 },
  };
  return runEpoch({ validator, signal: AbortSignal.timeout(60_000) });
}

/** A read and a call of one's own. */
export const readTempo = (subtensor: Subtensor, netuid: number) =>
  subtensor.read({
    what: 'reading the tempo',
    use: async (snapshot: Snapshot) => snapshot.get('subtensorModule.tempo', netuid),
  });
export const send = (subtensor: Subtensor, parameters: SubmitParameters): Promise<Inclusion> =>
  subtensor.submit(parameters);

export const largest = ({ tensors }: LoraAdapter): NamedTensor | undefined =>
  [...tensors.values()].sort((a, b) => b.data.length - a.data.length)[0];
export const backend = (trainer: LoraTrainer) => trainer.backend.name;

export const watched = (validator: Validator, log: Logger, clock: Clock): Validator => ({
  ...validator,
  onEvent: (event: ValidatorEvent) => log.info(event.kind),
  clock,
});

export const mine = (hub: LocalHub): Repository | null => hub.repository('me/data');
