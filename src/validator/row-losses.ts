/** A loss by row of the evaluation set, in nats per token; `null` for a row without target tokens. */
export type RowLosses = (number | null)[];

const BYTES = 8;

/** Row losses as text that keeps every bit: base64 of 64-bit floats, little-endian, NaN for a row without any. */
export function packRowLosses(losses: RowLosses): string {
  const bytes = Buffer.alloc(BYTES * losses.length);
  for (const [row, loss] of losses.entries()) bytes.writeDoubleLE(loss ?? Number.NaN, BYTES * row);
  return bytes.toString('base64');
}

/** The same of what a trainer of somebody's own tells, which may be nothing; `null` then. */
export function packIfTold(losses: RowLosses | undefined, rows: number): string | null {
  return losses?.length === rows ? packRowLosses(losses) : null;
}

/** `null` for what is no packed text of so many rows, or holds a loss that is none. */
export function unpackRowLosses(packed: string, rows: number): RowLosses | null {
  const bytes = Buffer.from(packed, 'base64');
  if (bytes.length !== BYTES * rows || bytes.toString('base64') !== packed) return null;
  const losses = Array.from({ length: rows }, (_, row) => bytes.readDoubleLE(BYTES * row));
  if (losses.some((loss) => loss < 0 || loss === Number.POSITIVE_INFINITY)) return null;
  return losses.map((loss) => (Number.isNaN(loss) ? null : loss));
}

/** The mean of those that count, as far as sums in another order agree; `null` where none does. */
export function meanLoss(losses: RowLosses): number | null {
  const counted = losses.filter((loss) => loss !== null);
  return counted.length === 0 ? null : counted.reduce((sum, loss) => sum + loss, 0) / counted.length;
}
