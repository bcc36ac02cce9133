import { createHash } from 'node:crypto';
import type { DatasetRow } from '../../schema/dataset-row.ts';
import { FINGERPRINT_VERSION } from './format.ts';

/** Makes the fingerprint of a dataset row by row, for a reader that may be interrupted between any two. */
export class FingerprintBuilder {
  readonly #pairHashes: number[] = [];
  readonly #pairsOfRow: number[] = [];

  /** Rows added so far. */
  get rowCount(): number {
    return this.#pairsOfRow.length;
  }

  add({ conversations }: DatasetRow): void {
    for (let i = 0; i + 1 < conversations.length; i += 2) {
      const text = JSON.stringify([conversations[i]?.content, conversations[i + 1]?.content].map(normalise));
      const digest = createHash('sha256').update(text).digest();
      this.#pairHashes.push(digest.readUInt32LE(0), digest.readUInt32LE(4));
    }
    this.#pairsOfRow.push(conversations.length >> 1);
  }

  /** The bytes that {@link readFingerprint} reads. */
  finish(): Uint8Array {
    const words = [FINGERPRINT_VERSION, this.rowCount, ...this.#pairsOfRow, ...this.#pairHashes];
    return new Uint8Array(Uint32Array.from(words).buffer);
  }
}

/** The fingerprint of a dataset: what its rows say, in a form that near copies share most of. */
export function fingerprintRows(rows: Iterable<DatasetRow>): Uint8Array {
  const builder = new FingerprintBuilder();
  for (const row of rows) builder.add(row);
  return builder.finish();
}

function normalise(text = ''): string {
  return text.toLowerCase().replace(/\s+/g, '');
}
