import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { readReceipt } from '../validator/receipts/audit/read-receipt.ts';
import type { Receipt } from '../validator/receipts/receipt.ts';
import { receiptBlocks, receiptFile } from '../validator/receipts/receipt-folder.ts';
import { type EpochFacts, epochFactsOf } from './epoch-facts.ts';

export interface ReportReaderParameters {
  /** Where `epoch-<block>.json` are. */
  folder: string;
  /** So many of the last reports. Default 140: a week of epochs of 360 blocks. */
  epochs?: number;
}

/** What a folder of reports comes to. */
export interface ReadReports {
  /** The last one, whole; `null` where there is none. */
  last: Receipt | null;
  /** By block, the last one among them. Of the same subnet, chain and signer as that. */
  epochs: EpochFacts[];
  /** Files that were left out, in a sentence each. */
  leftOut: string[];
}

const EPOCHS = 140;

/** By path; `mark` changes when the file does. `facts`: `null` of a file that is left out, and `bad` says why. */
type KnownReports = Map<string, { mark: string; facts: EpochFacts | null; about: string; bad: string }>;

/** Reads the reports of a folder, each of them once while it stays as it is. */
export class ReportReader {
  readonly #parameters: ReportReaderParameters;
  #known: KnownReports = new Map();
  #last: { path: string; mark: string; receipt: Receipt } | null = null;

  constructor(parameters: ReportReaderParameters) {
    this.#parameters = parameters;
  }

  /** @throws FlockOffError `disk`. */
  async read({ signal }: { signal?: AbortSignal } = {}): Promise<ReadReports> {
    const { folder, epochs = EPOCHS } = this.#parameters;
    const blocks = (await receiptBlocks(folder)).slice(-epochs);
    const known: KnownReports = new Map();
    let lastRead: string | null = null;
    // The last first: its subnet and signer are those of the page.
    for (const block of blocks.reverse()) {
      signal?.throwIfAborted();
      const path = join(folder, receiptFile(block));
      const mark = await markOf(path);
      const before = this.#known.get(path);
      if (before?.mark === mark && (lastRead !== null || this.#last?.path === path || !before.facts)) {
        known.set(path, before);
        if (before.facts) lastRead ??= path;
        continue;
      }
      const read = await readReceipt({ path, look: 'form' });
      if (read.ok) {
        const facts = epochFactsOf(read.receipt);
        known.set(path, { mark, facts, about: aboutOf(read.receipt), bad: '' });
        if (lastRead === null) this.#last = { path, mark, receipt: read.receipt };
        lastRead ??= path;
      } else {
        const bad = `${basename(path)} was left out: ${read.bad.place} ${read.bad.why}`;
        known.set(path, { mark, facts: null, about: '', bad });
      }
    }
    this.#known = known;
    if (lastRead === null) this.#last = null;
    const about = lastRead === null ? '' : known.get(lastRead)!.about;
    const own = [...known.values()].flatMap((one) => (one.facts && one.about === about ? one.facts : []));
    return {
      last: this.#last?.receipt ?? null,
      epochs: own.reverse(),
      leftOut: [...known].flatMap(([path, { facts, bad, about: of }]) => {
        if (!facts) return bad;
        return of === about ? [] : `${basename(path)} was left out: it is of another subnet, chain or hotkey`;
      }),
    };
  }
}

function aboutOf({ signer, netuid, inputs }: Receipt): string {
  return JSON.stringify([signer, netuid, inputs.genesisHash]);
}

async function markOf(path: string): Promise<string> {
  const found = await stat(path).catch(() => null);
  return found ? `${found.mtimeMs} ${found.size} ${found.ino}` : 'none';
}
