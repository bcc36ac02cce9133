/**
 * JSON that is the same bytes for the same value, by RFC 8785: keys sorted by UTF-16 code units, no white space, numbers as
 * ECMAScript writes them. What `JSON.stringify` leaves out or makes `null` (`undefined`, NaN) is so here, too.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  return `{${canonicalMembers(value).join()}}`;
}

/** The members of an object as {@link canonicalJson} has them between the braces. */
export function canonicalMembers(value: object): string[] {
  const members: string[] = [];
  for (const key of Object.keys(value).sort()) {
    const member = (value as Record<string, unknown>)[key];
    if (member !== undefined) members.push(`${JSON.stringify(key)}:${canonicalJson(member)}`);
  }
  return members;
}
