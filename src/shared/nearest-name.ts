import type * as z from 'zod';

/** Every name that a schema of nested objects knows, with the path to it: `recipe.rank`. */
export function namesIn(schema: z.ZodType, path = ''): string[] {
  const { shape, innerType, in: input } = (schema as unknown as SchemaParts)._zod.def;
  if (shape !== undefined)
    return Object.entries(shape).flatMap(([name, inner]) => {
      const at = path === '' ? name : `${path}.${name}`;
      return [at, ...namesIn(inner, at)];
    });
  const within = innerType ?? input;
  return within === undefined ? [] : namesIn(within, path);
}

/** Of an object, a default around a type, and a transformed type: what lies within. */
interface SchemaParts {
  _zod: { def: { shape?: Record<string, z.ZodType>; innerType?: z.ZodType; in?: z.ZodType } };
}

/**
 * Why a value does not fit, in one clause: each issue with its place, and for a name that there is not the one that is
 * nearest to it among those that there are.
 */
export function issuesText(error: z.ZodError, known: string[]): string {
  return error.issues
    .map(({ path, message }) => {
      const at = path.join('.');
      return `${at === '' ? '' : `${at}: `}${message}${hint(message, at, known)}`;
    })
    .join('; ');
}

function hint(message: string, at: string, known: string[]): string {
  // Also where a schema within another one has made an issue of its own of it.
  const [, names] = /^Unrecognized keys?: (.+)$/.exec(message) ?? [];
  if (names === undefined) return '';
  const meant = [...names.matchAll(/"([^"]*)"/g)].flatMap(([, name = '']) => nearestName({ name, at, known }) ?? []);
  return meant.length === 0 ? '' : ` (is ${meant.map((name) => `"${name}"`).join(', ')} meant?)`;
}

export interface NearestNameParameters {
  /** The name that nobody has. */
  name: string;
  /** The path of the object that it was found in; empty for the outermost. */
  at: string;
  /** With their paths. */
  known: string[];
}

/** The known name that differs least; of equal ones the one at the same place, by its path where it is elsewhere. `null`: none is near. */
export function nearestName({ name, at, known }: NearestNameParameters): string | null {
  const most = Math.max(2, Math.floor(name.length / 3));
  let best: { shown: string; distance: number } | null = null;
  for (const path of known) {
    const last = path.split('.').at(-1)!;
    const isHere = path === (at === '' ? last : `${at}.${last}`);
    // Half a letter for another place.
    const distance = distanceOf(plain(name), plain(last)) + (isHere ? 0 : 0.5);
    if (distance <= most && distance < Math.min(plain(last).length, best?.distance ?? Number.POSITIVE_INFINITY))
      best = { shown: isHere ? last : path, distance };
  }
  return best?.shown ?? null;
}

/** So that `max_rows` is `maxRows`. */
const plain = (name: string) => name.replace(/[^\p{L}\p{N}]/gu, '').toLowerCase();

/** Longer names are cut: nobody means one of ours with them, and the time goes with the square. */
const MOST_LETTERS = 64;

/** Letters to add, take out, replace or swap with their neighbour (optimal string alignment). */
function distanceOf(left: string, right: string): number {
  const [a, b] = [left.slice(0, MOST_LETTERS), right.slice(0, MOST_LETTERS)];
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      row[j] = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        row[j] = Math.min(row[j]!, before[j - 2]! + 1);
    }
    [before, last] = [last, row];
  }
  return last[b.length]!;
}
