import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readRow } from '../../src/dataset/read-row.ts';
import { DatasetSchema } from '../../src/schema/dataset-row.ts';

/** Values that are nearly rows. */
const odd = fc.oneof(
  { depthSize: 'small' },
  fc.jsonValue(),
  fc.constantFrom('', ' ', '\u0085', '\ufeff', null, 0, [], {}),
);
const mostly = <T>(value: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 12, arbitrary: value as fc.Arbitrary<unknown> }, { weight: 1, arbitrary: odd });
const turn = (role: fc.Arbitrary<string>) =>
  fc.record({ role: mostly(role), content: mostly(fc.string({ minLength: 1 })), extra: odd }, { requiredKeys: [] });
const chat = fc
  .nat(5)
  .chain((turns) =>
    fc.tuple(...Array.from({ length: turns }, (_, i) => mostly(turn(fc.constantFrom(i % 2 ? 'assistant' : 'user'))))),
  );
const rowLike = fc.record(
  { system: mostly(fc.string()), conversations: mostly(chat), other: odd },
  { requiredKeys: [] },
);

it('gives what DatasetSchema gives: the same row, or the first of its issues', () => {
  let rows = 0;
  fc.assert(
    fc.property(mostly(rowLike), (written) => {
      const value: unknown = JSON.parse(JSON.stringify(written));
      const expected = DatasetSchema.safeParse(value);
      const seen = readRow(value);
      if (expected.success) {
        rows++;
        expect(seen).toStrictEqual({ row: expected.data });
      } else {
        const { path, message } = expected.error.issues[0]!;
        expect(seen).toStrictEqual({ path, message });
      }
    }),
    { numRuns: 5000 },
  );
  expect(rows).toBeGreaterThan(100);
});

it.each([
  ['user', 'user'],
  ['assistant', 'user'],
  ['user', 'assistant', 'user', 'user'],
  ['user', 'assistant', 'user'],
])('gives the issue of DatasetSchema where turns do not alternate: %j', (...roles) => {
  const value = { conversations: roles.map((role) => ({ role, content: 'a' })) };
  const { path, message } = DatasetSchema.safeParse(value).error!.issues[0]!;
  expect(readRow(value)).toStrictEqual({ path, message });
});

it('does not look at turns behind the first wrong one', () => {
  const turns = new Array(300_000).fill(0);
  const startMs = performance.now();
  for (let run = 0; run < 50; run++) {
    expect(readRow({ conversations: turns })).toMatchObject({ path: ['conversations', 0] });
    expect(readRow({ system: 1, conversations: turns })).toMatchObject({ path: ['system'] });
  }
  expect(performance.now() - startMs).toBeLessThan(500);
});
