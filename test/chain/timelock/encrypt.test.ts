import { createHash } from 'node:crypto';
import { bls12_381 } from '@noble/curves/bls12-381.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DRAND_QUICKNET } from '../../../src/chain/timelock/drand.ts';
import { decryptTimelocked, encryptTimelocked } from '../../../src/chain/timelock/encrypt.ts';
import { verifyPulse } from '../../../src/chain/timelock/pulse.ts';
import { PULSE } from './quicknet-pulse.ts';

// Checked against the `tle` crate that Subtensor opens these with (npm @ideallabs/timelock_wasm_wrapper 1.0.0).
const ROUND = PULSE.round;
const MESSAGE = Buffer.from(
  '80d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d0c0000010005000c6400c800ffff509e980000000000',
  'hex',
);
const CIPHERTEXT = Buffer.from(
  `ab9e1293fa46ff926f45be6a0685558e6234138124e5868b9c507d4ee88b672fa30b2594df61f84562876be964a8f6b0
  0bf206edf264eee42b381f8b4302b4182c7e0c7587ddd2c96f30ce5a44e3ed65a16e516d48015891e9936d51bd5a137b
  2000000000000000d5bb87ad3dd71da03886c1c9604c172465bcb7676d10b88993073b037aa32cc5
  20000000000000006688a7c77bf932f188f546db7f6cca42c5ab1075a69ba2d582f1e5334cc80b09
  630000000000000047000000000000008498e49d395e6d89813fc3fa0b47b039cd30f54cdaaed7b65d586e5d2c1e647b4fb23621cc73175902ada6fde0a113b93f320db2fa141118786d4cf9c706a368c840079904e796
  0c000000000000000404040404040404040404040800000000000000 4145535f47434d5f`.replace(/\s/g, ''),
  'hex',
);
const SIGNATURE = Buffer.from(PULSE.signature, 'hex');
const RANDOMNESS = { key: Buffer.alloc(32, 2), sigma: Buffer.alloc(32, 3), nonce: Buffer.alloc(12, 4) };

/** A beacon whose key is known, so that every round can be signed. */
const { shortSignatures } = bls12_381;
const SECRET_KEY = Buffer.alloc(32, 5);
const publicKey = shortSignatures.getPublicKey(SECRET_KEY).toBytes();
function sign(round: number): Uint8Array {
  const number = Buffer.alloc(8);
  number.writeBigUInt64BE(BigInt(round));
  const id = createHash('sha256').update(number).digest();
  const domain = 'BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_';
  return shortSignatures.sign(shortSignatures.hash(id, domain), SECRET_KEY).toBytes();
}

test('a ciphertext is that of the crate that the chain opens it with, byte for byte', () => {
  const ciphertext = encryptTimelocked({ message: MESSAGE, round: ROUND, randomness: RANDOMNESS });
  expect(Buffer.from(ciphertext).toString('hex')).toBe(CIPHERTEXT.toString('hex'));
});

test("it opens with quicknet's signature of its round", () => {
  expect(verifyPulse({ round: ROUND, signature: SIGNATURE })).toBe(true);
  expect(Buffer.from(decryptTimelocked({ ciphertext: CIPHERTEXT, signature: SIGNATURE }))).toEqual(MESSAGE);
});

test('a signature is of one round and one beacon', () => {
  expect(verifyPulse({ round: ROUND + 1, signature: SIGNATURE })).toBe(false);
  expect(verifyPulse({ round: ROUND, signature: SIGNATURE, publicKey })).toBe(false);
  expect(verifyPulse({ round: ROUND, signature: Buffer.alloc(48, 7) })).toBe(false);
  expect(verifyPulse({ round: 7, signature: sign(7), publicKey })).toBe(true);
});

test('whatever is locked until a round of any beacon opens with its signature, and with no other', () => {
  const messages = fc.uint8Array({ maxLength: 1100 });
  const rounds = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER - 1 });
  fc.assert(
    fc.property(messages, rounds, (message, round) => {
      const ciphertext = encryptTimelocked({ message, round, publicKey });
      expect(ciphertext.length).toBe(244 + message.length);
      expect(Buffer.from(decryptTimelocked({ ciphertext, signature: sign(round) }))).toEqual(Buffer.from(message));
      expect(() => decryptTimelocked({ ciphertext, signature: sign(round + 1) })).toThrow('cannot be opened');
    }),
    { numRuns: 3 },
  );
});

test('the same message is never encrypted to the same bytes', () => {
  const [one, other] = [1, 2].map(() => encryptTimelocked({ message: MESSAGE, round: ROUND }));
  expect(one).not.toEqual(other);
});

// One place in each part: point, masks with their lengths, body, tag, nonce, cipher suite.
test.each([5, 95, 96, 104, 140, 150, 180, 190, 240, 262, 268, 280, 290])(
  'a ciphertext changed at byte %i is refused',
  (place) => {
    const ciphertext = Buffer.from(CIPHERTEXT);
    ciphertext[place]! ^= 1;
    expect(() => decryptTimelocked({ ciphertext, signature: SIGNATURE })).toThrow(
      expect.objectContaining({ code: 'bad-argument', message: expect.stringContaining('299 bytes cannot be opened') }),
    );
  },
);

test.each([
  ['nothing', Buffer.alloc(0)],
  ['the first half', CIPHERTEXT.subarray(0, 150)],
  ['all but the last byte', CIPHERTEXT.subarray(0, -1)],
  ['a byte more', Buffer.concat([CIPHERTEXT, Buffer.alloc(1)])],
  ['noise', Buffer.alloc(299, 0xc3)],
])('%s is refused', (_, ciphertext) => {
  expect(() => decryptTimelocked({ ciphertext, signature: SIGNATURE })).toThrow(
    expect.objectContaining({ code: 'bad-argument' }),
  );
});

test('a round that is no number of a round, and a public key that is none, are named', () => {
  for (const round of [0, -1, 1.5, Number.NaN])
    expect(() => encryptTimelocked({ message: MESSAGE, round })).toThrow(
      `rounds are whole numbers from 1 on, saw ${round}`,
    );
  expect(() => encryptTimelocked({ message: MESSAGE, round: 1, publicKey: SIGNATURE })).toThrow(
    "the beacon's public key must be 96 bytes that are a point of G2, saw 48",
  );
  expect(DRAND_QUICKNET.publicKey).toHaveLength(96);
});
