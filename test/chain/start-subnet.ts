import { afterEach, beforeEach, expect, vi } from 'vitest';
import { Subtensor, type SubtensorParameters } from '../../src/chain/subtensor.ts';
import { LocalChain, type LocalChainParameters } from '../../src/local/chain/local-chain.ts';
import type { Logger } from '../../src/shared/logger.ts';
import { devHotkey } from './dev-hotkey.ts';
import { startWsProxy, type WsProxy } from './node/ws-proxy.ts';

export { memoryReveals } from './weights/memory-reveals.ts';
export { LocalChain };

export const NETUID = 96;
type SubnetParameters = LocalChainParameters['subnets'][number];

const closing: (() => Promise<void>)[] = [];
const printed: unknown[][] = [];
beforeEach(() => {
  for (const method of ['warn', 'error'] as const)
    vi.spyOn(console, method).mockImplementation((...parts) => void printed.push(parts));
});
afterEach(async () => {
  expect(printed.splice(0), 'the library prints nothing').toEqual([]);
  for (const close of closing.splice(0).reverse()) await close();
});

/** Closes something after the test. */
export function closeLater<T extends { close(): Promise<void> }>(owner: T): T {
  closing.push(() => owner.close());
  return owner;
}

export interface StartSubnetParameters extends Partial<SubnetParameters> {
  /** Names of registered hotkeys, uid = place; the first has a validator permit. Default: validator, ann, bob. */
  hotkeys?: string[];
  chain?: Partial<LocalChainParameters>;
}

/** The development chain with one subnet of dev hotkeys; closed after the test. */
export async function startSubnet({
  hotkeys = ['validator', 'ann', 'bob'],
  chain,
  ...subnet
}: StartSubnetParameters = {}) {
  const signers = await Promise.all(hotkeys.map(devHotkey));
  const neurons = signers.map(({ address }, uid) => ({
    hotkey: address,
    validatorPermit: uid === 0,
    stake: uid === 0 ? 1_000 : 0,
  }));
  const running = await LocalChain.open({
    blockTimeMs: 60,
    subnets: [{ netuid: NETUID, neurons, ...subnet }],
    ...chain,
  });
  return closeLater(running);
}

/** The real client; closed after the test. */
export async function connect(endpoint: string, parameters: SubtensorParameters = {}): Promise<Subtensor> {
  return closeLater(await Subtensor.open({ endpoint, timeoutMs: 20_000, ...parameters }));
}

/** A proxy in front of the chain that breaks connections; closed after the test. */
export async function proxyTo(url: string): Promise<WsProxy> {
  return closeLater(await startWsProxy(url));
}

/** A logger that remembers every line. */
export function rememberingLogger(): Logger & { lines: string[] } {
  const lines: string[] = [];
  const write = (message: string, facts?: Record<string, unknown>) =>
    void lines.push(`${message} ${JSON.stringify(facts ?? {})}`);
  return { lines, debug() {}, info: write, warn: write, error: write };
}
