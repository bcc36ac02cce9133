import { expect, test } from 'vitest';
import { polkadotCrypto } from '../../../src/chain/codec/polkadot.ts';
import { commitHash } from '../../../src/chain/weights/commit-hash.ts';

const ALICE = Buffer.from('d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d', 'hex');
const preimage = {
  publicKey: ALICE,
  netuid: 96,
  uids: [0, 1, 5],
  values: [100, 200, 65535],
  salt: [1, 2, 3, 4, 5, 6, 7, 8],
  versionKey: 10_002_000,
};

test('is the hash the runtime accepted for the same weights', async () => {
  expect(await commitHash(preimage)).toBe('0xb99371d13284252acf1175de3002c0bc0ae0bcd00b5406c705f4ffb5f8160704');
});

test('depends on every part', async () => {
  const variants = [
    preimage,
    { ...preimage, publicKey: Buffer.alloc(32) },
    { ...preimage, netuid: 97 },
    { ...preimage, uids: [0, 1, 6] },
    { ...preimage, values: [100, 201, 65535] },
    { ...preimage, salt: [1, 2, 3, 4, 5, 6, 7, 9] },
    { ...preimage, versionKey: 10_002_001 },
  ];
  const hashes = await Promise.all(variants.map(commitHash));
  expect(new Set(hashes).size).toBe(variants.length);
});

test('takes more than 64 uids, whose count needs two bytes in SCALE', async () => {
  const { blake2AsU8a, u8aToHex } = await polkadotCrypto();
  const many = Array.from({ length: 256 }, (_, i) => i);
  const u16s = Buffer.from(Uint16Array.from(many).buffer);
  const count = Buffer.from([0x01, 0x04]); // 256 << 2 | 1
  const key = Buffer.alloc(8);
  const bytes = Buffer.concat([ALICE, Buffer.from([96, 0]), count, u16s, count, u16s, Buffer.from([0]), key]);
  expect(await commitHash({ ...preimage, uids: many, values: many, salt: [], versionKey: 0 })).toBe(
    u8aToHex(blake2AsU8a(bytes, 256)),
  );
});
