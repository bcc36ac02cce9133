import { expect, test } from 'vitest';
import type { Subtensor } from '../../src/chain/subtensor.ts';
import { WeightSetter, type WeightSetterParameters } from '../../src/chain/weight-setter.ts';
import { devHotkey } from './dev-hotkey.ts';
import {
  connect,
  type LocalChain,
  memoryReveals,
  NETUID,
  proxyTo,
  rememberingLogger,
  type StartSubnetParameters,
  startSubnet,
} from './subnet.ts';

const SUBMIT = 'author_submitAndWatchExtrinsic';
const WEIGHTS = [
  { uid: 1, weight: 0.75 },
  { uid: 2, weight: 0.25 },
];
const SHARES = [
  { uid: 1, weight: 65535 / 87380 },
  { uid: 2, weight: 21845 / 87380 },
];
const NOTHING_PENDING = { revealed: [], dropped: [], waiting: [], nextRevealBlock: null };

/** A chain of the newer generation whose blocks come when asked for, or when a transaction does. */
function startCurrent(subnet: StartSubnetParameters = {}): Promise<LocalChain> {
  return startSubnet({
    weightsRateLimit: 1,
    commitRevealEnabled: true,
    tempo: 20,
    ...subnet,
    chain: { profile: 'current', blockTimeMs: 'instant', ...subnet.chain },
  });
}

async function setterFor(chain: LocalChain, parameters: Partial<WeightSetterParameters> & { subtensor: Subtensor }) {
  const logger = rememberingLogger();
  const hotkey = await devHotkey('validator');
  const { beacon } = chain;
  const pendingReveals = memoryReveals();
  const setter = new WeightSetter({ netuid: NETUID, hotkey, pendingReveals, beacon, logger, ...parameters });
  return { setter, logger, hotkey, pendingReveals };
}

test('time-locked weights are opened by the chain in the epoch that was foreseen, and seen to count', async () => {
  const chain = await startCurrent();
  const subtensor = await connect(chain.url);
  const { setter, pendingReveals, logger } = await setterFor(chain, { subtensor });
  const receipt = await setter.set(WEIGHTS);
  expect(receipt).toEqual({
    mode: 'timelock',
    block: expect.any(Number),
    uids: [1, 2],
    values: [65535, 21845],
    revealFromBlock: expect.any(Number),
    revealUntilBlock: receipt.revealFromBlock! + 19,
    revealRound: expect.any(Number),
  });
  expect(receipt.revealFromBlock).toBeGreaterThan(receipt.block);
  const fromBlock = receipt.revealFromBlock!;
  const waiting = [{ id: expect.any(String), by: 'chain', fromBlock, untilBlock: receipt.revealUntilBlock }];
  expect(await setter.reveal()).toEqual({ ...NOTHING_PENDING, waiting, nextRevealBlock: fromBlock + 3 });

  await chain.produceBlocks(fromBlock - 1 - chain.currentBlock());
  expect(await setter.read(0)).toEqual([]);
  await chain.produceBlocks(6);
  expect(await setter.read(0)).toEqual(SHARES);
  expect(await setter.reveal()).toEqual({
    ...NOTHING_PENDING,
    revealed: [{ id: expect.any(String), block: fromBlock + 5 }],
  });
  expect(pendingReveals.size()).toBe(0);
  expect(logger.lines).toEqual([]);
  expect(await setter.reveal()).toEqual(NOTHING_PENDING);
});
