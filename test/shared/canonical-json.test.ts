import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson, canonicalMembers } from '../../src/shared/canonical-json.ts';

test('the examples of RFC 8785', () => {
  const value = JSON.parse(
    String.raw`{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}`,
  );
  expect(canonicalJson(value)).toBe(
    String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
  );
  const keys = {
    '\u20ac': 'Euro',
    '\r': 'CR',
    '\ufb33': 'Dalet',
    '1': 'One',
    '\u{1f600}': 'Smile',
    '\u0080': 'C',
    '\u00f6': 'O',
  };
  expect(Object.values(JSON.parse(canonicalJson(keys).replace('"1"', '"x1"')))).toEqual([
    'CR',
    'One',
    'C',
    'O',
    'Euro',
    'Smile',
    'Dalet',
  ]);
});

test('the same value gives the same text, whatever the order of its keys, and comes back as it was', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = canonicalJson(value);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      expect(canonicalJson(reversed(value))).toBe(text);
      expect(canonicalJson(JSON.parse(text))).toBe(text);
    }),
  );
  expect(canonicalJson({ b: undefined, a: [undefined], c: Number.NaN })).toBe('{"a":[null],"c":null}');
  expect(canonicalMembers({ b: 1, a: 2 })).toEqual(['"a":2', '"b":1']);
});

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, item]) => [key, reversed(item)]),
  );
}
