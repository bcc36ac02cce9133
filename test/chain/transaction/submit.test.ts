import { afterEach, expect, test } from 'vitest';
import { polkadotCrypto } from '../../../src/chain/codec/polkadot.ts';
import { Connection } from '../../../src/chain/node/connection.ts';
import { encodeCommitment } from '../../../src/chain/subnet/commitments.ts';
import { type BuildCall, ERA_BLOCKS, readEraStart, signTransaction } from '../../../src/chain/transaction/sign.ts';
import { devHotkey } from '../dev-hotkey.ts';
import { BEST_BLOCK, GENESIS_HASH, SPEC_VERSION, startStorageServer } from '../node/storage-server.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A signed transaction taken apart by hand. */
async function signed(call: BuildCall, eraBlocks = ERA_BLOCKS) {
  const server = await startStorageServer({ storage: [] });
  closing.push(server.close);
  const connection = new Connection({ urls: [server.url], timeoutMs: 20_000 });
  closing.push(() => connection.close());
  const hotkey = await devHotkey('ann');
  const { hex } = await connection.use('signing', async (link) => {
    const start = await readEraStart(link, eraBlocks);
    return signTransaction(link.api, { name: 'a call', call, hotkey, nonce: 5, eraBlocks, start });
  });
  const bytes = Buffer.from(hex.slice(2), 'hex');
  const lengthBytes = [1, 2, 4][bytes[0]! & 3]!;
  const body = bytes.subarray(lengthBytes);
  return {
    version: body[0],
    signer: body.subarray(1, 34),
    signatureKind: body[34],
    signature: body.subarray(35, 99),
    extra: body.subarray(99, 104),
    call: body.subarray(104),
    publicKey: hotkey.publicKey,
  };
}

/** What Substrate wants signed: the call, the extensions' bytes, and what both sides know. */
function payloadOf({ call, extra }: { call: Uint8Array; extra: Uint8Array }): Buffer {
  const versions = Buffer.alloc(8);
  versions.writeUInt32LE(SPEC_VERSION, 0);
  versions.writeUInt32LE(1, 4);
  const hashes = Buffer.from(GENESIS_HASH.slice(2) + GENESIS_HASH.slice(2), 'hex');
  return Buffer.concat([call, extra, versions, hashes, Buffer.of(0)]);
}

test('a commitment is laid out as the chain expects and signed over it', async () => {
  const text = `ann/dataset-of-chats:1:${'ab'.repeat(20)}abcde`;
  expect(text).toHaveLength(68);
  const parts = await signed((tx) => tx.commitments!.setCommitment!(1, encodeCommitment(text)));
  expect(parts.call.toString('hex')).toBe(`120001000445${Buffer.from(text).toString('hex')}`);
  expect(parts.version).toBe(0x84);
  expect(parts.signer.toString('hex')).toBe(`00${Buffer.from(parts.publicKey).toString('hex')}`);
  expect(parts.signatureKind).toBe(1);
  // Era of 64 blocks: log2(64) - 1 in the low 4 bits, the phase above; nonce 5; no tip; no metadata hash.
  const era = Buffer.alloc(2);
  era.writeUInt16LE(5 | (((BEST_BLOCK - 8) % 64) << 4));
  expect(parts.extra.toString('hex')).toBe(`${era.toString('hex')}140000`);

  const { sr25519Verify } = await polkadotCrypto();
  expect(sr25519Verify(payloadOf(parts), parts.signature, parts.publicKey)).toBe(true);
});

test('a payload longer than 256 bytes is signed as its hash', async () => {
  const uids = Array.from({ length: 256 }, (_, uid) => uid);
  const parts = await signed((tx) => tx.subtensorModule!.setWeights!(96, uids, uids, 7));
  const { blake2AsU8a, sr25519Verify } = await polkadotCrypto();
  const payload = payloadOf(parts);
  expect(payload.length).toBeGreaterThan(256);
  expect(sr25519Verify(blake2AsU8a(payload, 256), parts.signature, parts.publicKey)).toBe(true);
});
