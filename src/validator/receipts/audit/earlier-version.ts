/**
 * What is computed anew, without what the version before had no name for, where the report has none: a policy's parameter at
 * its default, and which evaluation set the day's results are on, where a competition has one for all days.
 */
export function asEarlierVersion(expected: unknown, seen: unknown, competition: { evaluationSets?: unknown }): unknown {
  if (!isObject(expected) || !isObject(seen)) return expected;
  const isNew = ([key, value]: [string, unknown]) =>
    !Object.hasOwn(seen, key) &&
    (key === 'evaluationRows'
      ? value === 'require'
      : key === 'evaluationSha256' && competition.evaluationSets === undefined);
  return Object.fromEntries(
    Object.entries(expected)
      .filter((entry) => !isNew(entry))
      .map(([key, value]) => [key, asEarlierVersion(value, seen[key], competition)]),
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
