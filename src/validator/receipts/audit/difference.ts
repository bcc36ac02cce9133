import { placeIn } from '../seal.ts';

/** What looking at a receipt came to. */
export interface Findings {
  findings: { place: string; why: string }[];
  /** What could not be looked at, in sentences. */
  unchecked: string[];
}

/** Where two values of JSON are not the same. */
export interface Difference {
  /** Such as `entries[2].weight`. */
  place: string;
  seen: unknown;
  expected: unknown;
}

/** The first place, in the order of keys, where they differ; `null` where they are the same. A missing value is `undefined`. */
export function firstDifference(seen: unknown, expected: unknown, place = ''): Difference | null {
  if (Object.is(seen, expected)) return null;
  const isList = Array.isArray(seen);
  if (!isObject(seen) || !isObject(expected) || isList !== Array.isArray(expected)) return { place, seen, expected };
  for (const key of [...new Set([...Object.keys(seen), ...Object.keys(expected)])].sort(byKey)) {
    const difference = firstDifference(
      Object.hasOwn(seen, key) ? seen[key] : undefined,
      Object.hasOwn(expected, key) ? expected[key] : undefined,
      isList ? `${place}[${key}]` : placeIn(place, key),
    );
    if (difference) return difference;
  }
  return null;
}

/** Adds the first difference of two values to what was found, with what the expected one comes from. */
export function compareWith(findings: Findings['findings']) {
  return (place: string, seen: unknown, expected: unknown, source: string): void => {
    const difference = firstDifference(seen, expected, place);
    if (!difference) return;
    const why = `is ${shownValue(difference.seen)}; ${source} ${shownValue(difference.expected)}`;
    findings.push({ place: difference.place, why });
  };
}

/** As it comes back from a file. */
export function jsonOf(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

/** A value in a few letters. */
export function shownValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** Indexes by number, names by letters. */
function byKey(a: string, b: string): number {
  return Number(a) - Number(b) || (a < b ? -1 : Number(a > b));
}
