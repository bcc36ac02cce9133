// What a user writes behind the public ports, with types that the package exports. It is compiled against the sources
// by the type check, and against the packed package by package.test.ts.
import type {
  Checked,
  Clock,
  DatasetStore,
  DownloadDatasetParameters,
  FlockOffErrorParameters,
  HotkeySigner,
  Inclusion,
  Logger,
  LoraAdapter,
  LoraTrainer,
  NamedTensor,
  PendingReveal,
  PendingRevealStore,
  Snapshot,
  StoredFile,
  SubmitParameters,
  Subtensor,
  UploadDatasetParameters,
  UploadedDataset,
  Validator,
  ValidatorEvent,
} from 'flock-off';
import { FlockOffError } from 'flock-off';
import type { LocalHub, Repository } from 'flock-off/local';

/** Datasets in a place of one's own. */
export class MyStore implements DatasetStore {
  async upload({ repo, path }: UploadDatasetParameters): Promise<UploadedDataset> {
    throw myFault({ code: 'hub-denied', what: `${path} may not be put into ${repo}`, facts: { status: 403 } });
  }

  async download({ repo, to, maxBytes }: DownloadDatasetParameters): Promise<Checked<StoredFile>> {
    if (maxBytes === 0) return { ok: false, verdict: { reason: 'dataset-too-large', message: `${repo} is too large` } };
    return { ok: true, value: { path: to, sha256: '0'.repeat(64), bytes: 1 } };
  }
}

export const myFault = (parameters: FlockOffErrorParameters) => new FlockOffError({ transient: true, ...parameters });

/** A key that another machine keeps. */
export const mySigner: HotkeySigner = {
  address: '5F...',
  publicKey: new Uint8Array(32),
  sign: async (payload, { method, blockHash }) => new Uint8Array(payload.length + method.length + blockHash.length),
};

export class MyReveals implements PendingRevealStore {
  readonly #reveals = new Map<string, PendingReveal>();
  list = async () => [...this.#reveals.values()];
  put = async (reveal: PendingReveal) => void this.#reveals.set(reveal.id, reveal);
  delete = async (id: string) => void this.#reveals.delete(id);
}

/** A read and a call of one's own. */
export const readTempo = (subtensor: Subtensor, netuid: number) =>
  subtensor.read('the tempo', async (snapshot: Snapshot) => snapshot.get('subtensorModule.tempo', netuid));
export const send = (subtensor: Subtensor, parameters: SubmitParameters): Promise<Inclusion> =>
  subtensor.submit(parameters);

export const largest = ({ tensors }: LoraAdapter): NamedTensor | undefined =>
  [...tensors.values()].sort((a, b) => b.data.length - a.data.length)[0];
export const backend = (trainer: LoraTrainer) => trainer.backend.name;

export const watched = (validator: Validator, log: Logger, clock: Clock): Validator => ({
  ...validator,
  datasets: new MyStore(),
  onEvent: (event: ValidatorEvent) => log.info(event.kind),
  clock,
});

export const mine = (hub: LocalHub): Repository | null => hub.repository('me/data');
