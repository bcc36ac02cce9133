import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runEpoch, Subtensor, ValidatorState } from 'flock-off';
import { LocalChain } from 'flock-off/local';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { devHotkey } from '../chain/dev-hotkey.ts';
import { countRoundTrips } from '../chain/round-trips.ts';
import { chainOnlyValidator } from './chain-only-validator.ts';

const NETUID = 96;
/** Whatever the number of miners, with the order of their commitments and the wait for the end of the epoch, until the weights count. */
const MOST_ROUND_TRIPS = 20;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flock-off-round-trips-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test.each([
  { profile: 'legacy', hide: undefined, mode: 'set' },
  { profile: 'legacy', hide: 'hash', mode: 'commit' },
  { profile: 'current', hide: undefined, mode: 'set' },
  { profile: 'current', hide: 'hash', mode: 'commit' },
  { profile: 'current', hide: 'timelock', mode: 'timelock' },
] as const)(
  'an epoch on a $profile chain that ends with $mode takes as few round trips with 255 miners as with 10',
  async ({ profile, hide, mode }) => {
    const counts: number[] = [];
    for (const miners of [10, 255]) counts.push(await roundTripsOfEpoch({ profile, hide, mode, miners }));
    console.log(`an epoch on a ${profile} chain, ${mode}: ${counts.join(' and ')} round trips with 10 and 255 miners`);
    for (const count of counts) expect(count).toBeLessThanOrEqual(MOST_ROUND_TRIPS);
  },
  180_000,
);

interface EpochParameters {
  profile: 'legacy' | 'current';
  hide: 'hash' | 'timelock' | undefined;
  mode: string;
  miners: number;
}

async function roundTripsOfEpoch({ profile, hide, mode, miners }: EpochParameters): Promise<number> {
  const hotkeys = await Promise.all(Array.from({ length: miners + 1 }, (_, uid) => devHotkey(`neuron ${uid}`)));
  const neurons = hotkeys.map(({ address }, uid) => ({
    hotkey: address,
    validatorPermit: uid === 0,
    stake: uid === 0 ? 1e12 : 0,
  }));
  const commitRevealEnabled = hide !== undefined;
  const chain = await LocalChain.open({
    profile,
    blockTimeMs: 'manual',
    subnets: [{ netuid: NETUID, tempo: 40, weightsRateLimit: 0, commitRevealEnabled, neurons }],
  });
  for (const [i, { hotkey }] of neurons.entries()) {
    if (i === 0) continue;
    const text = new TextEncoder().encode(`ann/chat-${i}:1:${i.toString(16).padStart(40, '0')}`);
    const info = { fields: [{ [`Raw${text.length}`]: text }] };
    chain.setStorage('Commitments.CommitmentOf', NETUID, hotkey, { deposit: 0, block: 1, info });
  }
  // The epoch begins in block 4, and block 7 seeds it.
  await chain.produceBlocks(7);
  const subtensor = await Subtensor.open({ endpoint: chain.url });
  const state = await ValidatorState.open({ path: join(folder, `${miners}`) });
  let timer: NodeJS.Timeout | undefined;
  try {
    const { block, nextEpochBlock } = await subtensor.metagraph({ netuid: NETUID });
    const blockThreshold = nextEpochBlock - block - 5;
    const { beacon } = chain;
    const parameters = { folder, subtensor, netuid: NETUID, hotkey: hotkeys[0]!, state, blockThreshold, hide, beacon };
    const validator = await chainOnlyValidator(parameters);
    const { weightSetter } = validator;
    const tick = () => {
      timer = setInterval(() => void chain.produceBlocks(), 50);
    };
    const reveal = async () => {
      tick();
      const { nextRevealBlock } = await weightSetter.reveal();
      clearInterval(timer);
      return nextRevealBlock;
    };
    let used: string | undefined;
    const { roundTrips } = await countRoundTrips(async () => {
      const report = await runEpoch({
        validator: {
          ...validator,
          weightSetter: {
            reveal: (options) => weightSetter.reveal(options),
            // No blocks pass after it: the window of its reveal is some 40 long, and a machine with other work takes its time.
            set: (options) => weightSetter.set(options).finally(() => clearInterval(timer)),
          },
          onEvent: ({ kind }) => {
            if (kind === 'waiting') tick();
          },
        },
      });
      used = report.receipt?.mode;
      // What the validator does meanwhile, until the weights of this epoch count.
      for (let next = await reveal(); next !== null; next = await reveal())
        await chain.produceBlocks(next - chain.currentBlock());
      expect(await state.pendingReveals.list()).toEqual([]);
    });
    expect(chain.weights({ netuid: NETUID, uid: 0 }).length).toBeGreaterThan(0);
    expect(used).toBe(mode);
    return roundTrips;
  } finally {
    clearInterval(timer);
    await state.close();
    await subtensor.close();
    await chain.close();
  }
}
