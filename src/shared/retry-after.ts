/**
 * How long an HTTP `Retry-After` header asks to wait (RFC 9110, 10.2.3): a number of seconds, or a date.
 * @returns milliseconds from 0 on; `undefined` without such a header, and for one that says neither.
 */
export function parseRetryAfter(value: string | null | undefined, nowMs: number): number | undefined {
  const text = value?.trim() ?? '';
  if (/^\d+$/.test(text)) return Number(text) * 1_000;
  // A date has the name of its month and a time; Date.parse takes "after 5" for one, too.
  const atMs = /[a-z]{3}\b.* \d\d:\d\d/i.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}
