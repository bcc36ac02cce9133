import { FlockOffError } from '../errors/flock-off-error.ts';

export interface NumberRange {
  /** Default 0. */
  least?: number;
  /** In the place of `least`: what it must be above. */
  above?: number;
  /** Default: any. */
  most?: number;
  /** Whether it must be a whole number. */
  whole?: boolean;
}

/**
 * Validates a number before it enters a calculation: one NaN would spread to every result.
 * @throws FlockOffError `bad-argument` with the argument's name and value unless it is a finite number within the range.
 */
export function requireNumber(name: string, value: number, range: NumberRange = {}): void {
  if (isWithin(value, range)) return;
  throw new FlockOffError({
    code: 'bad-argument',
    what: `${name} must be a ${range.whole ? 'whole' : 'finite'} number${limitsOf(range)}, saw ${shown(value)}`,
    facts: { name, value },
  });
}

/** The same of each number of a map or record: its name in the message is `name["key"]`. */
export function requireNumbers(name: string, values: Iterable<[string, number]>, range?: NumberRange): void {
  for (const [key, value] of values)
    if (!isWithin(value, range)) requireNumber(`${name}[${JSON.stringify(key)}]`, value, range);
}

function limitsOf({ least = 0, above, most }: NumberRange): string {
  if (above !== undefined) return ` above ${above}${most === undefined ? '' : ` and at most ${most}`}`;
  if (most !== undefined) return ` from ${least} to ${most}`;
  return least === Number.NEGATIVE_INFINITY ? '' : ` that is not below ${least}`;
}

function isWithin(value: number, { least = 0, above, most, whole = false }: NumberRange = {}): boolean {
  const isFit = whole ? Number.isSafeInteger(value) : Number.isFinite(value);
  const isEnough = above === undefined ? value >= least : value > above;
  return isFit && isEnough && (most === undefined || value <= most);
}

function shown(value: unknown): string {
  return typeof value === 'number' || value === undefined || value === null ? String(value) : `a ${typeof value}`;
}
