import { FlockOffError } from '../errors/flock-off-error.ts';

/** What may stand in an Authorization header as a token (RFC 6750): `hf_...`, JSON web tokens, and what mirrors give out. */
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;
/** Servers refuse headers of 16 KiB. */
const MAX_LENGTH = 8192;

export interface ParseHubTokenParameters {
  token: string | null | undefined;
  /** How the reader knows it, such as `HF_TOKEN`. */
  setting: string;
}

/**
 * A token of the Hub or of a mirror of it, without the white space around it; `undefined` where there is none. Tokens
 * of other forms than `hf_...` pass: mirrors give them out, and reading does not depend on it.
 * @throws FlockOffError `bad-argument` for what cannot be a token; the sentence shows nothing of it.
 * @example parseHubToken({ token: process.env.HF_TOKEN, setting: 'HF_TOKEN' })
 */
export function parseHubToken({ token: value, setting }: ParseHubTokenParameters): string | undefined {
  if (value === undefined || value === null) return undefined;
  const wrong = typeof value === 'string' ? whatIsWrong(value) : 'is no text';
  if (wrong === null) return value.trim() || undefined;
  throw new FlockOffError({
    code: 'bad-argument',
    what: `${setting} ${wrong}, so it cannot be a token of the Hub`,
    fix: 'set it to the token alone, such as hf_..., or leave it out to read public repositories without one',
    facts: { name: setting },
  });
}

function whatIsWrong(value: string): string | null {
  const token = value.trim();
  if (token === '' || (TOKEN.test(token) && token.length <= MAX_LENGTH)) return null;
  if (/^bearer\s/i.test(token)) return 'begins with the word "Bearer"';
  if (TOKEN.test(token)) return `has ${token.length} characters, where a token has at most ${MAX_LENGTH}`;
  const from = value.indexOf(token);
  const at = [...token].findIndex((character, i) => !/[A-Za-z0-9._~+/-]/.test(character) && !isPadding(token, i));
  return `holds ${kindOf([...token][at]!)} at position ${from + at + 1}`;
}

function isPadding(token: string, at: number): boolean {
  return /^=+$/.test(token.slice(at)) && at > 0;
}

function kindOf(character: string): string {
  if (/["'`\u2018-\u201f\u00ab\u00bb]/.test(character)) return 'a quotation mark';
  if (/[\r\n\u0085\u2028\u2029]/.test(character)) return 'a line break';
  if (/\s/.test(character)) return 'white space';
  if (/\p{C}/u.test(character)) return 'an invisible character';
  if (character === '=') return 'an equals sign';
  return character <= '~' ? 'a punctuation mark' : 'a character outside ASCII';
}
