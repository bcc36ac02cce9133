import { createServer } from 'node:http';
import { Keyring } from '@polkadot/keyring';
import { TypeRegistry } from '@polkadot/types';
import type { Signer, SignerPayloadJSON } from '@polkadot/types/types';
import { u8aToHex } from '@polkadot/util';
import { expect, test } from 'vitest';
import { ChainMetadataStore } from '../../../src/chain/commitments/chain-metadata-store.ts';
import { type HotkeySigner, WalletHotkey } from '../../../src/chain/wallet/hotkey.ts';
import { LocalChain } from '../../../src/local/chain/local-chain.ts';
import { devHotkey } from '../dev-hotkey.ts';
import { closeLater, connect, NETUID } from '../start-subnet.ts';
import { ALICE, VECTORS, walletPath, writeHotkey } from './wallet-folder.ts';

/** Commits a pointer with the hotkey and reads it back. */
async function commitWith(hotkey: HotkeySigner): Promise<unknown> {
  const neurons = [{ hotkey: hotkey.address }];
  const chain = closeLater(await LocalChain.open({ blockTimeMs: 250, subnets: [{ netuid: NETUID, neurons }] }));
  const store = new ChainMetadataStore({ subtensor: await connect(chain.url, { timeoutMs: 25_000 }), netuid: NETUID });
  await store.commit({ repo: 'ann/chat', competition: '1', commit: 'a'.repeat(40), hotkey });
  return (await store.read({ hotkey: hotkey.address }))?.text;
}
const POINTER = `ann/chat:1:${'a'.repeat(40)}`;

test.each(['sr25519 uri //Alice', 'ed25519 uri //Alice'] as const)(
  'a key file (%s) signs transactions',
  async (name) => {
    await writeHotkey(VECTORS.keyFiles[name]);
    expect(await commitWith(await WalletHotkey.open({ path: walletPath() }))).toBe(POINTER);
  },
);

test('a key on another machine signs transactions: only bytes and a signature travel', async () => {
  const key = await devHotkey('remote');
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray());
    response.end(await key.sign({ payload: body }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closeLater({ close: () => new Promise((resolve) => server.close(() => resolve())) });
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;

  const hotkey: HotkeySigner = {
    address: key.address,
    publicKey: key.publicKey,
    sign: async ({ payload: body }) => {
      const response = await fetch(url, { method: 'POST', body: Buffer.from(body), headers: { connection: 'close' } });
      return new Uint8Array(await response.arrayBuffer());
    },
  };
  expect(await commitWith(hotkey)).toBe(POINTER);
});

/** Does with a transaction what the polkadot.js extension does: decodes it with its own types and signs what that gives. */
function extensionSigner(): Signer {
  const pair = new Keyring({ type: 'sr25519' }).addFromUri('//Alice');
  return {
    signPayload: async (transaction: SignerPayloadJSON) => {
      const registry = new TypeRegistry();
      const { version, signedExtensions } = transaction;
      registry.setSignedExtensions(signedExtensions, {
        SudoTransactionExtension: { extrinsic: {}, payload: {} },
        CheckShieldedTxValidity: { extrinsic: {}, payload: {} },
        SubtensorTransactionExtension: { extrinsic: {}, payload: {} },
        DrandPriority: { extrinsic: {}, payload: {} },
      });
      return { id: 1, ...registry.createType('ExtrinsicPayload', transaction, { version }).sign(pair) };
    },
  };
}

test("a browser extension's signPayload signs transactions: it gets what it needs to show them", async () => {
  const { signPayload } = extensionSigner();
  const shown: SignerPayloadJSON[] = [];
  const hotkey: HotkeySigner = {
    address: ALICE.ss58Address,
    publicKey: Buffer.from(ALICE.publicKey.slice(2), 'hex'),
    sign: async ({ transaction }) => {
      shown.push(transaction);
      const { signature } = await signPayload!(transaction);
      return Buffer.from(signature.slice(2), 'hex'); // 65 bytes: it puts the scheme in front.
    },
  };
  expect(await commitWith(hotkey)).toBe(POINTER);
  expect(shown).toEqual([
    expect.objectContaining({ address: ALICE.ss58Address, method: expect.stringMatching(/^0x/) }),
  ]);
  expect(shown[0]!.method).toContain(u8aToHex(Buffer.from(POINTER)).slice(2));
});

test.each([
  ['nothing', new Uint8Array()],
  ['63 bytes', new Uint8Array(63)],
  ['an unknown scheme', new Uint8Array(65).fill(9)],
])('a signer that returns %s is one sentence, and nothing is sent', async (_, signature) => {
  const hotkey: HotkeySigner = { ...(await devHotkey('ann')), sign: async () => signature };
  await expect(commitWith(hotkey)).rejects.toMatchObject({
    code: 'wallet',
    message: expect.stringMatching(
      /^the signer of 5\w+ returned \d+ bytes, expected 64 of sr25519, or 65 with the scheme/,
    ),
  });
});

test('what a signer throws reaches the caller as it is', async () => {
  const declined = new Error('Cancelled');
  const hotkey: HotkeySigner = { ...(await devHotkey('ann')), sign: () => Promise.reject(declined) };
  await expect(commitWith(hotkey)).rejects.toBe(declined);
});
