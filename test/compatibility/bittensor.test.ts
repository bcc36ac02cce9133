import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ChainMetadataStore } from '../../src/chain/commitments/chain-metadata-store.ts';
import { readRevealedCommitments } from '../../src/chain/commitments/timelocked.ts';
import { Subtensor } from '../../src/chain/subtensor.ts';
import { DRAND_QUICKNET, timeOfRound } from '../../src/chain/timelock/drand.ts';
import { WalletHotkey } from '../../src/chain/wallet/hotkey.ts';
import { revealRound } from '../../src/chain/weights/timelocked.ts';
import { WeightSetter } from '../../src/chain/weights/weight-setter.ts';
import { LocalChain, type LocalChainParameters, type Profile } from '../../src/local/chain/local-chain.ts';
import { type DevWallet, writeDevWallet } from '../../src/local/dev-wallet.ts';
import { PULSE } from '../chain/timelock/quicknet-pulse.ts';
import { memoryReveals } from '../chain/weights/memory-reveals.ts';
import { useAnswers, usePython } from './python.ts';

// Python's own `bittensor`, of the old line and of the new one, on the unchanged local chain: it reads what this SDK
// reads, and each takes what the other sends.

const NETUID = 7;
const TAO = 1_000_000_000;
const TEMPO = 10;
/** `bittensor` 11 asks for what came with spec 475 before it sets weights; reading it does on earlier ones too. */
const VERSIONS: { version: number; reads: Profile[]; sends: Profile[]; blockTimeMs: number }[] = [
  // It takes blocks to be 12 seconds long; the one after it asks the chain.
  { version: 10, reads: ['current', 'latest'], sends: ['current', 'latest'], blockTimeMs: 12_000 },
  { version: 11, reads: ['current', 'latest'], sends: ['latest'], blockTimeMs: 250 },
];

let path: string;
let wallets: Record<'validator' | 'miner' | 'other', DevWallet>;
beforeAll(async () => {
  path = await mkdtemp(join(tmpdir(), 'flock-off-bittensor-'));
  await writeDevWallet({ path, name: 'stranger' });
  const [validator, miner, other] = await Promise.all(
    ['validator', 'miner', 'other'].map((name) => writeDevWallet({ path, name, coldkey: true })),
  );
  wallets = { validator: validator!, miner: miner!, other: other! };
});
afterAll(() => rm(path, { recursive: true, force: true }));

async function startChain(parameters: Partial<LocalChainParameters>, subnet = {}) {
  const { validator, miner, other } = wallets;
  return LocalChain.open({
    blockTimeMs: 'instant',
    ...parameters,
    sudo: validator.coldkey,
    balances: { [validator.coldkey]: 100 * TAO },
    subnets: [
      {
        ...{
          netuid: NETUID,
          name: 'data',
          owner: validator.coldkey,
          tempo: TEMPO,
          weightsRateLimit: 0,
          immunityPeriod: 7,
        },
        neurons: [{ ...validator, validatorPermit: true, stake: 5_000 * TAO }, { ...miner, stake: TAO }, other],
        ...subnet,
      },
    ],
  });
}

/** What the scripts print. */
// biome-ignore lint/suspicious/noExplicitAny: the expectations say what is in it.
type Told = any;

function useBittensor(version: number) {
  const script = join(import.meta.dirname, `bittensor_${version}.py`);
  const python = usePython(`bittensor-${version}`);
  return useAnswers(python, () => ({
    args: [script, String(NETUID), path],
    env: { HOME: path, XDG_CACHE_HOME: path },
  }));
}

describe.each(VERSIONS)('bittensor $version', { timeout: 120_000 }, ({ version, reads, sends, blockTimeMs }) => {
  const ask = useBittensor(version);

  test.each(reads)('on a %s chain it sees what the SDK sees', async (profile) => {
    const chain = await startChain({ profile }, { commitRevealEnabled: false });
    const subtensor = await Subtensor.open({ endpoint: chain.url });
    try {
      const hotkey = await WalletHotkey.open({ path, name: 'validator' });
      const miner = await WalletHotkey.open({ path, name: 'miner' });
      const setter = new WeightSetter({ subtensor, netuid: NETUID, hotkey, pendingReveals: memoryReveals() });
      await setter.set({
        weights: [
          { uid: 1, weight: 0.75 },
          { uid: 2, weight: 0.25 },
        ],
      });
      const store = new ChainMetadataStore({ subtensor, netuid: NETUID });
      const { pointer } = await store.commit({
        repo: 'miner/data',
        competition: '1',
        commit: 'b'.repeat(40),
        hotkey: miner,
      });
      // An epoch goes by; then no block comes while both look.
      await chain.produceBlocks(12);
      const seen = await ask<Told>('view', { url: chain.url });
      const { metagraph, commitments } = await subtensor.subnet({ netuid: NETUID });
      expect(seen.block).toBe(metagraph.block);
      const { neurons, hyperparameters } = metagraph;
      expect(seen.neurons).toEqual(
        neurons.map((neuron) => ({
          ...{ uid: neuron.uid, hotkey: neuron.hotkey, coldkey: neuron.coldkey },
          stake: neuron.stakeAlpha! * TAO,
          ...{ permit: neuron.validatorPermit, active: neuron.active, update: neuron.lastUpdateBlock },
          incentive: expect.closeTo(neuron.incentive, 6),
          consensus: expect.closeTo(neuron.consensus, 6),
          dividends: expect.closeTo(neuron.dividends, 6),
          trust: expect.closeTo(neuron.validatorTrust, 6),
        })),
      );
      expect(seen.graph).toEqual({
        hotkeys: neurons.map((one) => one.hotkey),
        coldkeys: neurons.map((one) => one.coldkey),
        permit: neurons.map((one) => one.validatorPermit),
        stake: neurons.map((one) => one.stakeWeight),
        registered: neurons.map((one) => one.registrationBlock),
      });
      expect(seen.settings).toMatchObject({
        tempo: hyperparameters.tempo,
        weights_rate_limit: hyperparameters.weightsRateLimitBlocks,
        min_allowed_weights: hyperparameters.minAllowedWeights,
        commit_reveal: hyperparameters.commitRevealEnabled,
        immunity_period: 7,
      });
      expect(seen.next_epoch).toBe(metagraph.nextEpochBlock);
      expect(seen.until_epoch).toBe(metagraph.nextEpochBlock - metagraph.block);
      expect(seen.commitments).toEqual({ [miner.address]: pointer });
      expect(commitments.get(miner.address)).toMatchObject({ text: pointer });
      expect([seen.name, seen.balance]).toEqual(['data', 100 * TAO]);
    } finally {
      await subtensor.close();
      await chain.close();
    }
  });

  test.each(sends)('on a %s chain it commits and sets weights, which the SDK reads', async (profile) => {
    const chain = await startChain({ profile }, { commitRevealEnabled: false });
    const subtensor = await Subtensor.open({ endpoint: chain.url });
    try {
      const told = await ask<Told>('send', { url: chain.url });
      expect(told).toMatchObject({ commit: { success: true }, stranger: { success: false }, set: { success: true } });
      expect(told.stranger.message).toMatch(/account ?not ?allowed ?commit/i);
      const text = `miner/data:1:${'a'.repeat(40)}`;
      expect(await subtensor.commitment({ netuid: NETUID, hotkey: wallets.miner.hotkey })).toMatchObject({ text });
      const weights = await subtensor.weights({ netuid: NETUID, uid: 0 });
      expect(weights.map(({ uid }) => uid)).toEqual([1, 2]);
      expect(weights[1]!.weight / weights[0]!.weight).toBeCloseTo(4, 3);
    } finally {
      await subtensor.close();
      await chain.close();
    }
  });

  /** ISO 8601, UTC: when a client that looks at `block` locks what it sends until the round of the pulse. */
  const timeToLock = (block: number) => {
    const timelock = { block, timeMs: timeOfRound(DRAND_QUICKNET, PULSE.round), blockTimeMs, lastStoredRound: 0 };
    const position = { block, epoch: 0, nextEpochBlock: TEMPO, periodBlocks: TEMPO };
    const terms = { position, revealPeriodEpochs: 1, timelock: { ...timelock, beaconKey: new Uint8Array() } };
    const late = revealRound(terms, DRAND_QUICKNET) - PULSE.round;
    return iso(timelock.timeMs - late * DRAND_QUICKNET.periodSeconds * 1_000);
  };
  const iso = (timeMs: number) => new Date(timeMs).toISOString().replace('Z', '');

  test("weights that it locks are revealed with the pulse of drand's quicknet", async () => {
    const chain = await startChain({ profile: 'latest' });
    const subtensor = await Subtensor.open({ endpoint: chain.url });
    try {
      await chain.produceBlocks(3);
      const told = await ask<Told>('lock_weights', { url: chain.url, time: timeToLock(chain.currentBlock()) });
      expect(told).toMatchObject({ success: true, waiting: [[wallets.validator.hotkey, PULSE.round]] });
      await chain.produceBlocks(TEMPO + 1 - chain.currentBlock());
      expect(chain.weights({ netuid: NETUID, uid: 0 })).toEqual([]);
      givePulse(chain);
      await chain.produceBlocks(1);
      const weights = await subtensor.weights({ netuid: NETUID, uid: 0 });
      expect(weights.map(({ uid }) => uid)).toEqual([1, 2]);
      expect(weights[1]!.weight / weights[0]!.weight).toBeCloseTo(4, 3);
    } finally {
      await subtensor.close();
      await chain.close();
    }
  });

  test('so is a text that it locks, which the SDK reads', async () => {
    const chain = await startChain({ profile: 'latest' });
    const subtensor = await Subtensor.open({ endpoint: chain.url });
    try {
      // 10 locks for 120 seconds, 11 for 115: it takes the first round after them, 10 the last but one before.
      const time = iso(timeOfRound(DRAND_QUICKNET, PULSE.round + 1) + 1_000 - 120_000);
      const told = await ask<Told>('lock_commitment', { url: chain.url, time, text: 'miner/data:1:later' });
      expect(told).toMatchObject({ success: true });
      givePulse(chain);
      await chain.produceBlocks(2);
      const { hotkey } = wallets.miner;
      expect(await readRevealedCommitments({ subtensor, netuid: NETUID, hotkey })).toMatchObject([
        { text: 'miner/data:1:later' },
      ]);
    } finally {
      await subtensor.close();
      await chain.close();
    }
  });
});

/** As if the chain's offchain worker had fetched it. */
function givePulse(chain: LocalChain): void {
  const { round, randomness, signature } = PULSE;
  chain.setStorage('Drand.Pulses', round, { round, randomness: `0x${randomness}`, signature: `0x${signature}` });
}

describe('bittensor 10', { timeout: 120_000 }, () => {
  const ask = useBittensor(10);

  test('it commits weights by their hash and reveals them', async () => {
    const chain = await startChain({});
    try {
      await chain.produceBlocks(1);
      const tell = (command: string) => ask<Told>(command, { url: chain.url });
      expect(await tell('commit_hash')).toMatchObject({ success: true });
      expect(await tell('reveal')).toMatchObject({ success: false });
      await chain.produceBlocks(TEMPO + 1 - chain.currentBlock());
      expect(await tell('reveal')).toMatchObject({ success: true });
      expect(chain.weights({ netuid: NETUID, uid: 0 })).toEqual([
        { uid: 1, value: 20_000 },
        { uid: 2, value: 65_535 },
      ]);
    } finally {
      await chain.close();
    }
  });

  test('it stakes, and changes hyperparameters as root in a batch', async () => {
    const chain = await startChain({ profile: 'latest' });
    try {
      const told = await ask<Told>('admin', { url: chain.url });
      expect(told).toMatchObject({
        stake: { success: true },
        unstake: { success: true },
        sudo: { success: true },
        tempo: 77,
      });
      expect(chain.storage('SubtensorModule.TotalHotkeyAlpha', wallets.validator.hotkey, NETUID)).toBe(5_001 * TAO);
    } finally {
      await chain.close();
    }
  });
});

describe('bittensor 11', { timeout: 120_000 }, () => {
  const ask = useBittensor(11);

  test('on a current chain it commits, and sets no weights, since it asks for what came with spec 475', async () => {
    const chain = await startChain({ profile: 'current' }, { commitRevealEnabled: false });
    try {
      const told = await ask<Told>('send', { url: chain.url });
      expect(told).toMatchObject({ commit: { success: true }, set: { success: false } });
      expect(told.set.message).toContain('SubnetEpochConsensus');
    } finally {
      await chain.close();
    }
  });
});
