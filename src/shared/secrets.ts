/** What stands in the place of a secret. */
const MASK = '***';
/** Shorter ones are part of many words: masking them would reveal them. */
const LEAST_LENGTH = 4;
/** Quoted text is often truncated, so any piece of a secret as long as this is masked. */
const PIECE_LENGTH = 8;
/** How deep errors and their properties are searched. */
const MOST_LEVELS = 8;

/**
 * Values that must not be shown: tokens, passwords, what an address holds of them. Whatever others wrote, such as the
 * message of a library's error, goes through `mask` or `maskIn` before it is passed on. Secrets of fewer than 4
 * characters are not masked.
 * @example
 * const secrets = new Secrets([token, ...secretsOfUrl(endpoint)]);
 * logger.warn(secrets.mask(error.message));
 */
export class Secrets {
  /** Pieces by their length, in small letters. */
  readonly #pieces = new Map<number, Set<string>>();

  constructor(values: Iterable<string | null | undefined>) {
    for (const value of values) for (const form of value ? formsOf(value) : []) this.#add(asciiLowerCase(form));
  }

  #add(form: string): void {
    const length = Math.min(PIECE_LENGTH, form.length);
    const pieces = this.#pieces.get(length) ?? new Set();
    this.#pieces.set(length, pieces);
    for (let from = 0; from + length <= form.length; from++) pieces.add(form.slice(from, from + length));
  }

  /**
   * The text with `***` for every secret or piece of one, in letters of any case, also where it is written
   * percent-encoded, in base64 or escaped as in JSON.
   */
  mask(text: string): string {
    const searched = asciiLowerCase(text);
    /** Where what is masked ends, by where it begins. */
    const ends = new Map<number, number>();
    for (const [length, pieces] of this.#pieces)
      for (let from = 0; from + length <= searched.length; from++)
        if (pieces.has(searched.slice(from, from + length)))
          ends.set(from, Math.max(ends.get(from) ?? 0, from + length));
    let masked = '';
    let end = 0;
    for (const [from, to] of [...ends].sort(([a], [b]) => a - b)) {
      if (from > end || end === 0) masked += text.slice(end, from) + MASK;
      end = Math.max(end, to);
    }
    return masked + text.slice(end);
  }

  /**
   * Masks what an error says, in itself, its causes and what they carry. Errors stay the same objects, so that `catch`
   * still finds their class; other objects are copied where something has to be masked, since they may be in use.
   */
  maskIn<T>(value: T): T {
    return (this.#pieces.size > 0 ? this.#masked(value, new Map(), MOST_LEVELS) : value) as T;
  }

  #masked(value: unknown, seen: Map<object, unknown>, levels: number): unknown {
    if (typeof value === 'string') return this.mask(value);
    if (typeof value !== 'object' || value === null || levels === 0) return value;
    if (!seen.has(value)) {
      seen.set(value, value);
      seen.set(
        value,
        this.#maskedObject(value, (item) => this.#masked(item, seen, levels - 1)),
      );
    }
    return seen.get(value);
  }

  #maskedObject(value: object, maskedItem: (item: unknown) => unknown): unknown {
    if (value instanceof Error) {
      // The class of some errors has `message` and `stack` as accessors.
      for (const key of new Set(['message', 'stack', ...Object.getOwnPropertyNames(value)])) {
        const before: unknown = Reflect.get(value, key);
        const after = maskedItem(before);
        if (after !== before) Reflect.defineProperty(value, key, { value: after, writable: true, configurable: true });
      }
      return value;
    }
    if (Array.isArray(value)) {
      const items = value.map(maskedItem);
      return items.some((item, i) => item !== value[i]) ? items : value;
    }
    if (Object.getPrototypeOf(value) !== Object.prototype) return value;
    const entries = Object.entries(value);
    const masked = entries.map(([key, item]) => [key, maskedItem(item)] as const);
    return masked.some(([, item], i) => item !== entries[i]?.[1]) ? Object.fromEntries(masked) : value;
  }
}

/**
 * What an address may hold of secrets, also one that cannot be parsed: password or user name, and keys in path and query.
 */
export function secretsOfUrl(url: string): string[] {
  const [, scheme = '', rest = ''] = /^([a-z][a-z0-9+.-]*:\/\/)?(.*)$/is.exec(url.trim()) ?? [];
  const userEnd = rest.lastIndexOf('@', pathStart(rest, scheme));
  const userInfo = rest.slice(0, Math.max(0, userEnd));
  const [user = '', ...password] = userInfo.split(':');
  const path = rest.slice(userEnd + 1).replace(/^[^/?#]*/, '');
  const parts = path.split(/[/?&#;=]/).filter(looksLikeKey);
  return [userInfo, password.join(':') || user, ...parts].filter((part) => part !== '');
}

/** Where host and port end; what cannot be parsed may have a slash in its password. */
function pathStart(rest: string, scheme: string): number {
  if (!URL.canParse(`${scheme || 'http://'}${rest}`)) return rest.length;
  const at = rest.search(/[/?#]/);
  return at < 0 ? rest.length : at;
}

/** Words such as `v1` and `websocket` stand in many addresses, and in much else. */
function looksLikeKey(part: string): boolean {
  return part.length >= 16 || (part.length >= 6 && /[A-Z\d]/.test(part));
}

/** How a secret may be written: as it is, without what stands around it, line by line, and encoded. */
function formsOf(value: string): string[] {
  const plain = new Set([value, value.trim(), value.trim().replace(/^["']|["']$/g, ''), decoded(value)]);
  for (const one of [...plain]) for (const line of one.split(/[\r\n\u0085\u2028\u2029]+/)) plain.add(line.trim());
  return [...plain].flatMap((one) => {
    if (one.length < LEAST_LENGTH) return [];
    const wellFormed = Buffer.from(one).toString();
    const inBase64 = Buffer.from(one).toString('base64').replace(/=+$/, '');
    const inBase64Url = Buffer.from(one).toString('base64url');
    return [
      one,
      encodeURIComponent(wellFormed),
      encodeURI(wellFormed),
      JSON.stringify(one).slice(1, -1),
      inBase64,
      inBase64Url,
    ];
  });
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

/** Of the same length as the text, which `toLowerCase` does not promise. */
function asciiLowerCase(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
