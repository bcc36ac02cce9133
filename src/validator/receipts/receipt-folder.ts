import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BytesSigner } from '../../chain/wallet/signed-bytes.ts';
import { FlockOffError } from '../../errors/flock-off-error.ts';
import { abortable } from '../../shared/abortable.ts';
import { canonicalJson } from '../../shared/canonical-json.ts';
import { writeWhole } from '../../shared/incomplete-file.ts';
import { onDisk } from '../../shared/on-disk.ts';
import { Turns } from '../../shared/turns.ts';
import type { Receipt, UnsignedReceipt } from './receipt.ts';
import { seal, sha256Of } from './seal.ts';

/** Where the signed reports of epochs go: {@link ReceiptFolder}, or something of one's own in its place. */
export interface ReceiptStore {
  /** Stores one, and those before it that could not be stored when it was their time. What it throws is warned of. */
  put(receipt: UnsignedReceipt): Promise<void>;
  /** Tries those again that could not be stored. */
  retry(): Promise<void>;
}

export interface ReceiptFolderParameters {
  folder: string;
  /** Signs: a hotkey whose `sign` does without a transaction. */
  hotkey: BytesSigner;
  /** Masks secrets in what others wrote, such as the message of a library's error. Default: nothing is masked. */
  mask?: (text: string) => string;
  /** How long a signature is waited for. Default a minute. */
  signingTimeoutMs?: number;
}

const SIGNING_TIMEOUT_MS = 60_000;
const NAME = /^epoch-(\d+)\.json$/;

/** The name of the file that holds the report of the epoch that began with that block. */
export function receiptFile(startBlock: number): string {
  return `epoch-${startBlock}.json`;
}

/** The blocks of which a folder has receipts, ascending; none where there is no such folder. */
export async function receiptBlocks(folder: string): Promise<number[]> {
  const names = await onDisk(folder, () =>
    readdir(folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    }),
  );
  return (
    names
      .flatMap((name) => NAME.exec(name)?.[1] ?? [])
      // Of other names such as `epoch-0360.json` the block would name another file, which may not be there.
      .filter((block) => String(Number(block)) === block && Number.isSafeInteger(Number(block)))
      .map(Number)
      .sort((a, b) => a - b)
  );
}

/**
 * Keeps receipts in a folder, a file for each epoch, each signed and with the hash of the one before. What cannot be written
 * waits in memory, and is written before what comes later.
 * @example
 * const receipts = new ReceiptFolder({ folder: '.flock-off/validator/reports', hotkey });
 * await runValidator({ validator: { ...validator, receipts } });
 */
export class ReceiptFolder implements ReceiptStore {
  readonly #parameters: ReceiptFolderParameters;
  readonly #waiting: UnsignedReceipt[] = [];
  readonly #turns = new Turns();

  constructor(parameters: ReceiptFolderParameters) {
    this.#parameters = parameters;
  }

  /** @throws FlockOffError `disk`, `timeout` when nobody signs; what the signer throws. */
  async put(receipt: UnsignedReceipt): Promise<void> {
    this.#waiting.push(masked(receipt, this.#parameters.mask));
    await this.retry();
  }

  /** @throws as {@link ReceiptFolder.put}. */
  async retry(): Promise<void> {
    const end = await this.#turns.take();
    try {
      for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
        await this.#write(next);
        this.#waiting.shift();
      }
    } finally {
      end();
    }
  }

  async #write(receipt: UnsignedReceipt): Promise<void> {
    const { folder, hotkey, signingTimeoutMs = SIGNING_TIMEOUT_MS } = this.#parameters;
    const signer = hotkey.address;
    const said = { ...receipt, signer, previous: await this.#previous(receipt) };
    const sealed: Receipt = await abortable(seal(said, hotkey), AbortSignal.timeout(signingTimeoutMs)).catch(
      (error) => {
        throw (error as Error | null)?.name === 'TimeoutError' ? nobodySigns(signer, signingTimeoutMs) : error;
      },
    );
    const path = join(folder, receiptFile(receipt.startBlock));
    const text = `${canonicalJson(sealed)}\n`;
    await onDisk({ path, bytes: text.length }, () =>
      writeWhole(path, (incomplete) => writeFile(incomplete, text, { flush: true })),
    );
  }

  /** The one before, if it is of the same subnet and hotkey. One that cannot be read any more is linked as it is. */
  async #previous({ startBlock, netuid, inputs }: UnsignedReceipt): Promise<Receipt['previous']> {
    const { folder, hotkey } = this.#parameters;
    const before = (await receiptBlocks(folder)).findLast((block) => block < startBlock);
    if (before === undefined) return null;
    const path = join(folder, receiptFile(before));
    const text = await onDisk(path, () => readFile(path, 'utf8'));
    const about = aboutOf(text);
    const isOther =
      about !== null &&
      (about.signer !== hotkey.address || about.netuid !== netuid || about.inputs?.genesisHash !== inputs.genesisHash);
    return isOther ? null : { startBlock: before, sha256: sha256Of(text) };
  }
}

function aboutOf(text: string): Partial<Receipt> | null {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function nobodySigns(signer: string, timeoutMs: number): FlockOffError {
  return new FlockOffError({
    code: 'timeout',
    what: `${signer} has not signed the report within ${timeoutMs / 1000} s`,
    fix: 'look at what signs for it',
    facts: { timeoutMs },
    transient: true,
  });
}

/** Texts that came from elsewhere. */
const TEXTS = new Set(['message', 'why', 'notSent']);

function masked<T>(value: T, mask: ((text: string) => string) | undefined, key = ''): T {
  if (!mask) return value;
  if (typeof value === 'string') return (TEXTS.has(key) ? mask(value) : value) as T;
  if (Array.isArray(value)) return value.map((item) => masked(item, mask)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, masked(item, mask, name)])) as T;
}
