import type { ApiPromise } from '@polkadot/api';
import { describe, expect, test } from 'vitest';
import { encryptTimelocked } from '../../../src/chain/timelock/encrypt.ts';
import type { LocalChain } from '../../../src/local/chain/local-chain.ts';
import { type Call, commit, connect, connectRpc, eventsOf, include, keyOf, NETUID, PROFILES, start } from './client.ts';

const TAKEN = 'commitments.Commitment';

interface Registration {
  deposit: unknown;
  block: unknown;
  info: { fields: { type: string; inner: { toU8a(bare: boolean): Uint8Array } }[] };
}

const bytesOf = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 37 + length) % 256);
const hex = (bytes: Uint8Array) => `0x${Buffer.from(bytes).toString('hex')}`;
const setCommitment = (api: ApiPromise, ...fields: object[]): Call =>
  api.tx.commitments!.setCommitment!(NETUID, { fields });
const read = async (api: ApiPromise, item: string, name = 'Bob') =>
  (await api.query.commitments![item]!(NETUID, keyOf(name).address)).toJSON();

describe.each(PROFILES)('%s', (profile) => {
  test('every kind of data is read back byte for byte', async () => {
    const values: [kind: string, bytes: Uint8Array][] = [
      ...Array.from({ length: 129 }, (_, n): [string, Uint8Array] => [`Raw${n}`, bytesOf(n)]),
      ...['BlakeTwo256', 'Sha256', 'Keccak256', 'ShaThree256'].map((kind, i): [string, Uint8Array] => [
        kind,
        new Uint8Array(32).fill(200 + i),
      ]),
    ];
    const names = values.map(([kind]) => kind);
    const chain = await start({ profile, names });
    const api = await connect(chain);
    for (const [kind, bytes] of values) {
      const signed = await setCommitment(api, { [kind]: bytes }).signAsync(keyOf(kind), { nonce: 0, era: 0 });
      await api.rpc.author.submitExtrinsic(signed);
    }
    await chain.produceBlocks(1);
    const stored = await api.query.commitments!.commitmentOf!.entries(NETUID);
    expect(stored).toHaveLength(values.length);
    for (const [key, registration] of stored) {
      const { block, info, deposit } = (registration as unknown as { unwrap(): Registration }).unwrap();
      const [kind, bytes] = values[names.findIndex((name) => keyOf(name).address === String(key.args[1]))]!;
      expect([String(deposit), String(block), info.fields[0]!.type]).toEqual(['0', '1', kind]);
      expect(Buffer.from(info.fields[0]!.inner.toU8a(true)).equals(bytes)).toBe(true);
    }
  });

  test('one without fields, or of none, is taken; one of an unregistered hotkey is not', async () => {
    const chain = await start({ profile });
    const api = await connect(chain);
    for (const fields of [[], [{ None: null }]])
      expect(await include(api, chain, setCommitment(api, ...fields), keyOf('Bob'))).toContain(TAKEN);
    expect(await include(api, chain, commit(api, 'x'), keyOf('Eve'))).toEqual([
      'transactionPayment.TransactionFeePaid',
      'AccountNotAllowedCommit',
    ]);
    // A refused call uses its nonce and changes nothing else.
    expect(chain.storage('System.Account', keyOf('Eve').address)).toMatchObject({ nonce: 1 });
    expect(await read(api, 'commitmentOf', 'Eve')).toBeNull();
  });

  test('more fields than the runtime allows trap it', async () => {
    const chain = await start({ profile });
    const [api, rpc] = [await connect(chain), await connectRpc(chain)];
    const most = Number(api.consts.commitments!.maxFields);
    const field = { Raw1: bytesOf(1) };
    expect(await include(api, chain, setCommitment(api, ...Array(most).fill(field)), keyOf('Bob'))).toContain(TAKEN);
    const tooMany = await setCommitment(api, ...Array(most + 1).fill(field)).signAsync(keyOf('Bob'));
    await expect(rpc.request('author_submitExtrinsic', [tooMany.toHex()])).rejects.toMatchObject({
      code: 1011,
      data: expect.stringContaining('unreachable'),
    });
  });
});

test('legacy: the next one is taken exactly when the cooldown has passed', async () => {
  const chain = await start({ profile: 'legacy', chain: { commitmentCooldownBlocks: 10 } });
  const api = await connect(chain);
  const send = () => include(api, chain, commit(api, 'x'), keyOf('Bob'));
  expect(await send()).toContain(TAKEN); // block 1
  expect(await send()).toContain('CommitmentSetRateLimitExceeded');
  await chain.produceBlocks(7);
  expect(await send()).toContain('CommitmentSetRateLimitExceeded'); // block 10
  expect(await send()).toContain(TAKEN); // block 11
});

describe('current', () => {
  const profile = 'current';

  test('a budget of bytes counts 100 or more a commitment, for each hotkey, and is whole again in the next epoch', async () => {
    const chain = await start({ profile, tempo: 10, chain: { commitmentBytesPerEpoch: 328 } });
    const api = await connect(chain);
    const send = (call: Call, name = 'Bob') => include(api, chain, call, keyOf(name));
    expect([(await api.query.commitments!.maxSpace!()).toJSON(), await read(api, 'usedSpaceOf')]).toEqual([328, null]);
    const hash = setCommitment(api, { Sha256: new Uint8Array(32) });
    for (const [call, total] of [
      [commit(api, 'x'), 100],
      [commit(api, 'y'.repeat(128)), 228],
      [hash, 328],
    ] as const) {
      expect(await send(call)).toContain(TAKEN);
      expect(await read(api, 'usedSpaceOf')).toEqual({ lastEpoch: 0, usedSpace: total });
    }
    expect(await send(commit(api, 'z'))).toContain('SpaceLimitExceeded');
    expect(await read(api, 'usedSpaceOf')).toEqual({ lastEpoch: 0, usedSpace: 328 });
    expect(await send(commit(api, 'z'), 'Alice')).toContain(TAKEN);
    await chain.produceBlocks(3);
    expect(await send(commit(api, 'z'))).toContain('SpaceLimitExceeded'); // block 9
    expect(await send(commit(api, 'z'))).toContain(TAKEN); // block 10
    expect(await read(api, 'usedSpaceOf')).toEqual({ lastEpoch: 1, usedSpace: 100 });
    chain.setStorage('Commitments.MaxSpace', 199);
    expect(await send(commit(api, 'z'))).toContain('SpaceLimitExceeded');
  });

  test('all fields count together, each by its bytes', async () => {
    const chain = await start({ profile });
    const api = await connect(chain);
    const fields = [{ BigRaw: hex(bytesOf(512)) }, { Raw90: bytesOf(90) }, { ResetBondsFlag: null }];
    expect(await include(api, chain, setCommitment(api, ...fields), keyOf('Bob'))).toContain(TAKEN);
    expect(await read(api, 'usedSpaceOf')).toEqual({ lastEpoch: 0, usedSpace: 602 });
    expect(await read(api, 'lastBondsReset')).toBe(1);
    expect(await read(api, 'commitmentOf')).toMatchObject({
      info: { fields: [{ bigRaw: hex(bytesOf(512)) }, { raw90: hex(bytesOf(90)) }, { resetBondsFlag: null }] },
    });
  });

  test.each([
    ['BigRaw', { BigRaw: hex(bytesOf(513)) }],
    ['TimelockEncrypted', { TimelockEncrypted: { encrypted: hex(bytesOf(1_025)), reveal_round: 1 } }],
  ])('a %s that is too long traps the runtime', async (_, field) => {
    const chain = await start({ profile });
    const api = await connect(chain);
    const signed = await setCommitment(api, field).signAsync(keyOf('Bob'));
    await expect(api.rpc.author.submitExtrinsic(signed)).rejects.toThrow('1011');
  });

  /** A text as SCALE has it, locked for so many rounds from now. */
  function lock(chain: LocalChain, text: string, rounds: number): { field: object; round: number; plain: string } {
    const message = Buffer.concat([Buffer.of(text.length << 2), Buffer.from(text)]);
    const round = (chain.storage('Drand.LastStoredRound') as number) + rounds;
    const encrypted = hex(encryptTimelocked({ message, round, publicKey: chain.beacon.publicKey }));
    return { field: { TimelockEncrypted: { encrypted, reveal_round: round } }, round, plain: hex(message) };
  }

  test('a time-locked field shows itself in the block after its pulse, and the others stay', async () => {
    const chain = await start({ profile });
    const api = await connect(chain);
    const { field, round, plain } = lock(chain, 'a/b', 40);
    const sent = await include(api, chain, setCommitment(api, field, { Raw1: bytesOf(1) }), keyOf('Bob'));
    expect(sent).toContain('commitments.TimelockCommitment');
    expect((await api.query.commitments!.timelockedIndex!()).toJSON()).toEqual([[NETUID, keyOf('Bob').address]]);
    while ((chain.storage('Drand.LastStoredRound') as number) < round) {
      expect(await read(api, 'revealedCommitments')).toBeNull();
      await chain.produceBlocks(1);
    }
    expect(await read(api, 'revealedCommitments')).toBeNull();
    await chain.produceBlocks(1);
    expect(await read(api, 'revealedCommitments')).toEqual([[plain, chain.currentBlock()]]);
    expect((await eventsOf(api, 'Initialization')).map(({ name }) => name)).toContain('commitments.CommitmentRevealed');
    expect(await read(api, 'commitmentOf')).toMatchObject({ block: 1, info: { fields: [{ raw1: hex(bytesOf(1)) }] } });
    expect((await api.query.commitments!.timelockedIndex!()).toJSON()).toEqual([]);
  });

  test('the row of a commitment that was all locked goes away, and the ten newest reveals are kept', async () => {
    const chain = await start({ profile, chain: { commitmentBytesPerEpoch: 100_000 } });
    const api = await connect(chain);
    const plains: string[] = [];
    for (let i = 0; i < 12; i++) {
      const { field, plain } = lock(chain, `n${i}`, 0);
      plains.push(plain);
      await include(api, chain, setCommitment(api, field), keyOf('Bob'));
    }
    await chain.produceBlocks(1);
    const revealed = (await read(api, 'revealedCommitments')) as [string, number][];
    expect(revealed.map(([bytes]) => bytes)).toEqual(plains.slice(2));
    expect(await read(api, 'commitmentOf')).toBeNull();
  });

  test('one that does not open is gone without a word', async () => {
    const chain = await start({ profile });
    const api = await connect(chain);
    const round = chain.storage('Drand.LastStoredRound') as number;
    const broken = { TimelockEncrypted: { encrypted: hex(bytesOf(300)), reveal_round: round } };
    await include(api, chain, setCommitment(api, broken), keyOf('Bob'));
    await chain.produceBlocks(1);
    expect([await read(api, 'commitmentOf'), await read(api, 'revealedCommitments')]).toEqual([null, null]);
    expect((await eventsOf(api, 'Initialization')).map(({ name }) => name)).toEqual([]);
  });
});

test('latest: one that does not open stays with its mark, which nobody else may set', async () => {
  const chain = await start({ profile: 'latest' });
  const api = await connect(chain);
  const round = chain.storage('Drand.LastStoredRound') as number;
  const lock = { encrypted: hex(bytesOf(300)), reveal_round: round };
  const marked = setCommitment(api, { TimelockRevealFailed: lock });
  expect(await include(api, chain, marked, keyOf('Bob'))).toContain('TimelockRevealFailedNotAllowed');
  await include(api, chain, setCommitment(api, { TimelockEncrypted: lock }), keyOf('Bob'));
  await chain.produceBlocks(1);
  expect(await eventsOf(api, 'Initialization')).toMatchObject([
    { name: 'commitments.CommitmentRevealFailed', data: [NETUID, keyOf('Bob').address, round, 'Decrypt'] },
  ]);
  const kept = (await api.query.commitments!.commitmentOf!(NETUID, keyOf('Bob').address)).toJSON();
  expect(kept).toMatchObject({ info: { fields: [{ timelockRevealFailed: { encrypted: lock.encrypted } }] } });
  expect((await api.query.commitments!.timelockedIndex!()).toJSON()).toEqual([]);
});
