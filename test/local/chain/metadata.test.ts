import { expect, test } from 'vitest';
import { connect, keyOf, NETUID, start } from './client.ts';

// What a client tells the generations of the runtime apart by.

const FRAME = [
  'System 0',
  'Timestamp 2',
  'Aura 3',
  'Balances 5',
  'TransactionPayment 6',
  'SubtensorModule 7',
  'Utility 11',
  'Sudo 12',
  'Commitments 18',
  'AdminUtils 19',
];

test.each([
  ['legacy', FRAME],
  ['current', [...FRAME, 'Drand 26']],
  ['latest', [...FRAME, 'Drand 26']],
] as const)('every pallet of the %s runtime stands at its place', async (profile, pallets) => {
  const api = await connect(await start({ profile }));
  expect(api.runtimeMetadata.asLatest.pallets.map(({ name, index }) => `${name} ${index}`)).toEqual(pallets);
});

test.each([
  ['legacy', 218, ['SubtensorSignedExtension', 'CommitmentsSignedExtension']],
  [
    'current',
    425,
    ['SudoTransactionExtension', 'CheckShieldedTxValidity', 'SubtensorTransactionExtension', 'DrandPriority'],
  ],
] as const)('the extensions of the %s runtime', async (profile, specVersion, own) => {
  const api = await connect(await start({ profile }));
  expect(api.runtimeVersion.specVersion.toNumber()).toBe(specVersion);
  expect(api.registry.signedExtensions).toEqual([
    ...['CheckNonZeroSender', 'CheckSpecVersion', 'CheckTxVersion', 'CheckGenesis', 'CheckMortality', 'CheckNonce'],
    ...['CheckWeight', 'ChargeTransactionPayment', ...own, 'CheckMetadataHash'],
  ]);
});

test('each runtime has what is its own, and nothing of the other', async () => {
  const [legacy, current] = await Promise.all([
    connect(await start({ profile: 'legacy' })),
    connect(await start({ profile: 'current' })),
  ]);
  const query = (names: string) => (api: typeof legacy) =>
    names.split(' ').map((name) => {
      const [pallet, item] = name.split('.') as [string, string];
      return api.query[pallet]?.[item] !== undefined;
    });
  const removed = query(
    'subtensorModule.rank subtensorModule.trust subtensorModule.pruningScores subtensorModule.weightsMinStake',
  );
  expect(removed(legacy)).toEqual([true, true, true, true]);
  expect(removed(current)).toEqual([false, false, false, false]);
  const added = query(
    'subtensorModule.subnetEpochIndex subtensorModule.stakeThreshold subtensorModule.mechanismCountCurrent ' +
      'subtensorModule.timelockedWeightCommits commitments.usedSpaceOf drand.pulses',
  );
  expect(added(legacy)).toEqual(Array(6).fill(false));
  expect(added(current)).toEqual(Array(6).fill(true));

  const limits = ({ consts }: typeof legacy) =>
    Object.entries(consts.commitments!).map(([name, is]) => `${name} ${is}`);
  expect(limits(legacy)).toEqual(['maxFields 1', 'rateLimit 0', 'initialDeposit 0', 'fieldDeposit 0']);
  expect(limits(current)).toEqual(['maxFields 3', 'initialDeposit 0', 'fieldDeposit 0']);
  expect((await current.query.commitments!.maxSpace!()).toString()).toBe('3100');
  expect((await current.query.subtensorModule!.commitRevealWeightsVersion!()).toString()).toBe('4');

  const calls = ({ tx }: typeof legacy) =>
    Object.values(tx.subtensorModule!).map(({ method, callIndex }) => `${callIndex[1]} ${method}`);
  expect(calls(legacy)).toEqual([
    '0 setWeights',
    '2 addStake',
    '3 removeStake',
    '7 burnedRegister',
    '96 commitWeights',
    '97 revealWeights',
  ]);
  expect(calls(current)).toEqual([
    ...calls(legacy),
    '113 commitTimelockedWeights',
    '115 commitMechanismWeights',
    '116 revealMechanismWeights',
    '118 commitTimelockedMechanismWeights',
    '119 setMechanismWeights',
    '134 registerLimit',
  ]);
  const errors = (api: typeof legacy) =>
    ['SubNetworkDoesNotExist', 'SubnetNotExists', 'MechanismDoesNotExist'].filter(
      (name) => api.errors.subtensorModule![name],
    );
  expect([errors(legacy), errors(current)]).toEqual([
    ['SubNetworkDoesNotExist'],
    ['SubnetNotExists', 'MechanismDoesNotExist'],
  ]);
});

test.each(['legacy', 'current'] as const)('%s: storage is read as of earlier blocks too', async (profile) => {
  const chain = await start({ profile, tempo: 42 });
  const api = await connect(chain);
  const { tempo, keys } = api.query.subtensorModule!;
  expect((await tempo!(NETUID)).toString()).toBe('42');
  expect((await keys!.entries(NETUID)).map(([, hotkey]) => hotkey.toString())).toContain(keyOf('Bob').address);
  const before = await api.rpc.chain.getBlockHash();
  chain.setHyperparameter({ netuid: NETUID, name: 'tempo', value: 43 });
  await chain.produceBlocks(1);
  expect((await (await api.at(before)).query.subtensorModule!.tempo!(NETUID)).toString()).toBe('42');
  expect((await tempo!(NETUID)).toString()).toBe('43');
});

test('the latest runtime has its errors and events at their places', async () => {
  const { errors, events } = await connect(await start({ profile: 'latest' }));
  const place = (found: { meta: { index: { toNumber(): number } } } | undefined) => found!.meta.index.toNumber();
  expect(Object.keys(errors.subtensorModule!)).toHaveLength(175);
  expect(place(errors.subtensorModule!.NeuronNoValidatorPermit)).toBe(15);
  expect(place(errors.subtensorModule!.CommitQueueFull)).toBe(174);
  expect(place(errors.commitments!.TimelockRevealFailedNotAllowed)).toBe(4);
  expect(place(events.subtensorModule!.EpochDeferred)).toBe(137);
});

test.each([
  ['legacy', [14, 15]],
  ['current', [14, 15, 16]],
  ['latest', [14, 15, 16]],
] as const)('the %s runtime hands out metadata of versions %j, and no other', async (profile, versions) => {
  const api = await connect(await start({ profile }));
  expect((await api.call.metadata!.metadataVersions!()).toJSON()).toEqual(versions);
  expect(api.runtimeMetadata.version).toBe(versions.at(-1));
  const told = versions.map(async (version) => (await api.call.metadata!.metadataAtVersion!(version)).toHex().length);
  expect(Math.min(...(await Promise.all(told)))).toBeGreaterThan(10_000);
  expect((await api.call.metadata!.metadataAtVersion!(13)).toJSON()).toBeNull();
});
