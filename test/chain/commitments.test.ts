import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeCommitment, textOf } from '../../src/chain/commitments.ts';

const field = (type: string, bytes: Uint8Array) => ({ type, inner: { toU8a: () => bytes } });

test('any text of up to 128 bytes survives as one RawN field, N counted in bytes', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 128 }).filter((it) => Buffer.byteLength(it) <= 128);
  fc.assert(
    fc.property(text, (it) => {
      const [encoded] = encodeCommitment(it).fields;
      const [type, bytes] = Object.entries(encoded!)[0]!;
      expect(type).toBe(`Raw${Buffer.byteLength(it)}`);
      expect(textOf(field(type, bytes))).toBe(it);
    }),
  );
});

test('text starting with 0x stays text, and a byte order mark is kept', () => {
  expect(Object.values(encodeCommitment('0xff').fields[0]!)[0]).toEqual(Uint8Array.from([48, 120, 102, 102]));
  expect(textOf(field('Raw4', Uint8Array.from([0xef, 0xbb, 0xbf, 97])))).toBe('\ufeffa');
});

test('what is not text is null', () => {
  expect(textOf(field('Raw2', Uint8Array.from([0xc3, 0x28])))).toBeNull();
  expect(textOf(field('Sha256', new Uint8Array(32)))).toBeNull();
  expect(textOf(field('TimelockEncrypted', new Uint8Array(8)))).toBeNull();
  expect(textOf(field('None', new Uint8Array()))).toBeNull();
  expect(textOf(field('BigRaw', new TextEncoder().encode('a'.repeat(300))))).toHaveLength(300);
});
