import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { initSync, tld, tle } from '@ideallabs/timelock_wasm_wrapper';
import { beforeAll, expect, test } from 'vitest';
import { decryptTimelocked, encryptTimelocked } from '../../src/chain/timelock/encrypt.ts';
import { LocalBeacon } from '../../src/local/chain/state/beacon.ts';

// The crate that Subtensor opens time locks with, as its authors build it for JavaScript, with the beacon of a local chain.

const beacon = new LocalBeacon({ seed: 'any', genesisSeconds: 0, periodSeconds: 3 });
const { publicKey } = beacon;
const CURVE = 'bls12_381';
const MESSAGE = Buffer.from('a message for later');

beforeAll(() => {
  const folder = dirname(createRequire(import.meta.url).resolve('@ideallabs/timelock_wasm_wrapper'));
  // It would fetch the file in a browser; Node is given its bytes.
  initSync({ module: readFileSync(join(folder, 'timelock_wasm_wrapper_bg.wasm')) });
});

/** What a beacon signs for a round. */
function identity(round: number): Uint8Array {
  const number = Buffer.alloc(8);
  number.writeBigUInt64BE(BigInt(round));
  return Uint8Array.from(createHash('sha256').update(number).digest());
}

test.each([1, 1_000, 2 ** 40])('what is locked here until round %i the crate opens', (round) => {
  const ciphertext = encryptTimelocked({ message: MESSAGE, round, publicKey });
  const opened = tld(Uint8Array.from(ciphertext), Uint8Array.from(beacon.signature(round)), CURVE);
  expect(Buffer.from(opened)).toEqual(MESSAGE);
  expect(() => tld(Uint8Array.from(ciphertext), Uint8Array.from(beacon.signature(round + 1)), CURVE)).toThrow();
});

test.each([1, 1_000, 2 ** 40])('what the crate locks until round %i is opened here', (round) => {
  const secret = new Uint8Array(32).fill(7);
  const ciphertext = Uint8Array.from(tle(identity(round), Uint8Array.from(MESSAGE), secret, publicKey, CURVE));
  const opened = decryptTimelocked({ ciphertext, signature: beacon.signature(round) });
  expect(Buffer.from(opened)).toEqual(MESSAGE);
  expect(() => decryptTimelocked({ ciphertext, signature: beacon.signature(round + 1) })).toThrow('cannot be opened');
});
