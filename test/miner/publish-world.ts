import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ChainMetadataStore,
  type HotkeySigner,
  HubDatasetStore,
  type PublishDatasetParameters,
  type PublishStep,
  publishDataset,
  Subtensor,
} from 'flock-off';
import { LocalChain, type LocalChainParameters, LocalHub, type LocalHubParameters } from 'flock-off/local';
import { devHotkey } from '../chain/dev-hotkey.ts';

export const NETUID = 96;
export const TOKEN = 'hf_token';

export const row = (question: string) =>
  JSON.stringify({
    conversations: [
      { role: 'user', content: question },
      { role: 'assistant', content: 'Yes.' },
    ],
  });

export interface PublishParameters
  extends Partial<Omit<PublishDatasetParameters, 'path' | 'metadata' | 'hotkey' | 'datasets'>> {
  rows?: string[];
  /** Whose dev hotkey. Default ann. */
  by?: string;
  token?: string;
  fetch?: typeof fetch;
}

export interface WorldParameters {
  hub?: Partial<LocalHubParameters>;
  chain?: Partial<LocalChainParameters>;
  /** Names of registered hotkeys. Default ann. */
  hotkeys?: string[];
}

/** A local hub where ann may write, a local chain where her hotkey is registered, and a miner at work on them. */
export async function startWorld({
  hub: hubParameters,
  chain: chainParameters,
  hotkeys = ['ann'],
}: WorldParameters = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'flock-off-publish-'));
  const hub: LocalHub = await LocalHub.open({ users: [{ name: 'ann', token: TOKEN }], ...hubParameters });
  const neurons = await Promise.all(hotkeys.map(async (name) => ({ hotkey: (await devHotkey(name)).address })));
  const chain: LocalChain = await LocalChain.open({
    blockTimeMs: 50,
    subnets: [{ netuid: NETUID, neurons }],
    ...chainParameters,
  });
  const steps: PublishStep[] = [];

  async function publish({
    rows = [row('Cats?'), row('Dogs?')],
    by = 'ann',
    token = TOKEN,
    fetch,
    ...more
  }: PublishParameters = {}) {
    const path = join(folder, 'data.jsonl');
    await writeFile(path, `${rows.join('\n')}\n`);
    const subtensor = await Subtensor.open({ endpoint: chain.url });
    const hotkey: HotkeySigner = await devHotkey(by);
    try {
      return await publishDataset({
        path,
        repo: 'ann/chat',
        datasets: new HubDatasetStore({ endpoint: hub.url, token, fetch, attempts: 1 }),
        metadata: new ChainMetadataStore({ subtensor, netuid: NETUID }),
        hotkey,
        onStep: (step) => steps.push(step),
        ...more,
      });
    } finally {
      await subtensor.close();
    }
  }

  return {
    hub,
    chain,
    folder,
    /** Of all runs, in their order. */
    steps,
    kinds: () => steps.map(({ kind }) => kind),
    publish,
    /** Transactions of a hotkey that are in blocks. */
    async landed(by = 'ann'): Promise<number> {
      const { address } = await devHotkey(by);
      return (chain.storage('System.Account', address) as { nonce: number }).nonce;
    },
    /** What a hotkey has on the chain, in block order only. */
    async isCommitted(by = 'ann'): Promise<boolean> {
      return chain.storage('Commitments.CommitmentOf', NETUID, (await devHotkey(by)).address) !== null;
    },
    /** Commits of a repository, the one that every repository begins with left out. */
    commits(repo = 'ann/chat'): number {
      const repository = hub.repository(repo);
      return repository ? repository.history(repository.head).length - 1 : 0;
    },
    /** Requests so far that change something on the hub. */
    changes: () =>
      hub.faults.requests.filter(
        (request) => !/^(GET|HEAD) /.test(request) && !/\/(paths-info|preupload)\//.test(request),
      ),
    async close() {
      await chain.close();
      await hub.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export type World = Awaited<ReturnType<typeof startWorld>>;
