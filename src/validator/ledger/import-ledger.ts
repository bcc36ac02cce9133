import { verifyBytes } from '../../chain/wallet/signed-bytes.ts';
import { FlockOffError } from '../../errors/flock-off-error.ts';
import { EvalQueue } from '../../queue/eval-queue.ts';
import type { Standings } from '../standing.ts';
import type { OpenEpoch, StateStore } from '../state-store.ts';
import type { LedgerEntry } from './ledger.ts';
import { badLedger, type LedgerRecord, readLedgerFile } from './ledger-file.ts';
import { LEDGER_FORMAT, LEDGER_VERSION, LedgerHeader, signedText } from './ledger-header.ts';
import {
  LatePointersSchema,
  type LedgerContents,
  LedgerEntrySchema,
  OpenEpochSchema,
  StandingsSchema,
  StateHistorySchema,
} from './ledger-schema.ts';

export interface ImportLedgerParameters {
  /** An empty one. */
  state: Pick<StateStore, 'history' | 'queue' | 'ledger' | 'fingerprints' | 'beginWithLedger'>;
  /** The file. */
  path: string;
  /** ss58 address of the hotkey whose ledger is trusted. */
  from: string;
  /** Of the chain, `0x` hex. */
  genesisHash: string;
  netuid: number;
  /** The competition's id. */
  competition: string;
  /** A larger file is refused. Default 4 GiB. */
  maxBytes?: number;
  signal?: AbortSignal;
}

const MAX_BYTES = 4 * 1024 ** 3;

/**
 * Lets a state that is still empty begin with another validator's ledger: all of it or nothing. The file is read twice, so
 * that nothing of it is taken over before sum and signature are known to be right.
 * @returns whose it is, and as of when.
 * @throws FlockOffError `bad-argument` in one sentence for a state in use, and a file that is none, was changed or cut off,
 *   is another version's, another subnet's, another hotkey's, or too large; `disk`.
 * @example
 * await importLedger({ state, path: 'ledger.flock-off', from: address, genesisHash, netuid, competition: competition.id });
 */
export async function importLedger(parameters: ImportLedgerParameters): Promise<LedgerHeader> {
  const { state, path, from, maxBytes = MAX_BYTES, signal } = parameters;
  await requireEmpty(state);

  const verified = await verify();
  const seen = new LedgerReader(path);
  try {
    const { sha256 } = await readLedgerFile(path, {
      ...{ maxBytes, signal },
      onRecord: async (record) => {
        const { kind, name, body } = record;
        if (kind === 'fingerprint') await state.fingerprints.write({ name: seen.fingerprint(name), fingerprint: body });
        else seen.read(record);
      },
    });
    if (sha256 !== verified.sha256) throw badLedger(path, 'changed while it was read');
    await state.beginWithLedger(seen.contents(from));
  } catch (error) {
    await state.fingerprints.keepOnly([]).catch(() => {});
    throw error;
  }
  return verified.header;

  /** Changes nothing. */
  async function verify(): Promise<{ header: LedgerHeader; sha256: string }> {
    const headers: LedgerHeader[] = [];
    const { sha256, signature } = await readLedgerFile(path, {
      ...{ maxBytes, signal },
      onRecord: (record) => {
        if (headers.length === 0) headers.push(requireMeant(parameters, record));
      },
    });
    const [header] = headers;
    if (!header) throw badLedger(path, 'is no ledger');
    const bytes = signedText(sha256);
    if (await verifyBytes({ address: from, bytes, signature: Buffer.from(signature, 'hex') }))
      return { header, sha256 };
    throw badLedger(path, `does not have the signature of ${from}`, 'check --ledger_from');
  }
}

async function requireEmpty(state: ImportLedgerParameters['state']): Promise<void> {
  const used = [await state.history(), await state.queue(), (await state.ledger())[0] ?? null];
  if (used.every((value) => value === null)) return;
  throw new FlockOffError({
    code: 'bad-argument',
    what: 'this state knows its own history already, and only an empty one can begin with a ledger of another validator',
    fix: 'leave --ledger out, or choose another --data_dir',
  });
}

/** Whether the ledger is the one that is meant, as far as its first part says. */
function requireMeant(parameters: ImportLedgerParameters, { kind, body }: LedgerRecord): LedgerHeader {
  const { path, from, genesisHash, netuid, competition } = parameters;
  const said = kind === 'header' ? (jsonOf(body) as Partial<LedgerHeader> | null) : null;
  if (said?.format !== LEDGER_FORMAT) throw badLedger(path, 'is no ledger');
  if (said.version !== LEDGER_VERSION) {
    const isLater = Number(said.version) > LEDGER_VERSION;
    const fix = isLater ? 'update flock-off' : 'have it exported again with the version you use';
    throw badLedger(path, `has format ${said.version}, and this version reads format ${LEDGER_VERSION}`, fix);
  }
  const parsed = LedgerHeader.safeParse(said);
  if (!parsed.success) throw badLedger(path, 'does not say whose ledger it is');
  const header = parsed.data;
  const flag = 'check --ledger and the flags of the subnet';
  if (header.genesisHash !== genesisHash)
    throw badLedger(path, `is of the chain with genesis ${header.genesisHash}, and this one has ${genesisHash}`, flag);
  if (header.netuid !== netuid || header.competition !== competition)
    throw badLedger(
      path,
      `is of subnet ${header.netuid}, competition "${header.competition}", and this is subnet ${netuid}, competition "${competition}"`,
      flag,
    );
  if (header.signer !== from)
    throw badLedger(path, `is that of ${header.signer}, not of ${from}`, 'check --ledger_from');
  return header;
}

/** Takes the parts of a ledger as they come, each checked. */
class LedgerReader {
  readonly #path: string;
  readonly #parts = new Map<string, unknown>();
  readonly #entries: LedgerEntry[] = [];

  constructor(path: string) {
    this.#path = path;
  }

  read({ kind, body }: LedgerRecord): void {
    const value = jsonOf(body);
    if (kind !== 'entry') this.#parts.set(kind, value);
    else this.#entries.push(this.#checked(LedgerEntrySchema, value, 'hotkey') as LedgerEntry);
  }

  /** The name of a fingerprint: it becomes that of a file. */
  fingerprint(name = ''): string {
    if (/^[0-9a-f]{64}\.\d{1,6}$/.test(name)) return name;
    throw badLedger(this.#path, 'names a fingerprint that none has');
  }

  contents(from: string): LedgerContents {
    const queue = this.#parts.get('queue');
    try {
      new EvalQueue({ state: queue });
    } catch {
      throw badLedger(this.#path, 'has a history of the draw that cannot be read');
    }
    const standings = this.#checked(StandingsSchema, this.#parts.get('standings'), 'averages') as Standings;
    const history = this.#checked(StateHistorySchema, this.#parts.get('history'), 'history');
    const epoch = this.#checked(
      OpenEpochSchema.nullable(),
      this.#parts.get('epoch') ?? null,
      'epoch',
    ) as OpenEpoch | null;
    // Earlier versions did not export it.
    const late = this.#checked(LatePointersSchema, this.#parts.get('late') ?? [], 'list of late pointers');
    return { entries: this.#entries, standings, queue, epoch, history: { ...history, ledgerFrom: from }, late };
  }

  #checked<T>(schema: { safeParse(value: unknown): { success: boolean; data?: T } }, value: unknown, what: string): T {
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data as T;
    throw badLedger(this.#path, `has what is no ${what}`);
  }
}

function jsonOf(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString('utf8'));
  } catch {
    return null;
  }
}
