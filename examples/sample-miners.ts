import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ChainMetadataStore, Competition, HubDatasetStore, Subtensor, WalletHotkey } from 'flock-off';
import { LOCAL_COMPETITION, sampleDatasets } from 'flock-off/local';
import { type LocalSubnet, localFlags } from './local-subnet.ts';
import { main as miner } from './miner.ts';
import { type Saying, silent } from './status.ts';

/**
 * Lets the six miners publish, one after the other. Four run examples/miner.ts as it is. The other two go around it,
 * as somebody's own bot might: `malformed` uploads a file that miner.ts would refuse, `missing` commits a pointer to a
 * repository that does not exist.
 */
export async function publishSamples(
  subnet: LocalSubnet,
  signal?: AbortSignal,
  status: Saying = silent,
): Promise<void> {
  const of = (name: string): Saying => ({ ...status, say: (line) => status.say(`${name}: ${line}`) });
  const files = sampleDatasets({ seed: 1 });
  for (const name of ['good', 'mediocre', 'noise', 'copy', 'malformed'] as const) {
    await writeFile(join(subnet.folder, `${name}.jsonl`), files[name]);
  }
  for (const name of ['good', 'mediocre', 'noise', 'copy']) {
    const flags = ['--hf_repo_id', `local/${name}`, '--dataset_path', join(subnet.folder, `${name}.jsonl`)];
    await miner([...localFlags(subnet, name), ...flags], signal, of(name));
  }

  const subtensor = await Subtensor.open({ endpoint: subnet.chainUrl, signal });
  try {
    const metadata = new ChainMetadataStore({ subtensor, netuid: subnet.netuid });
    const datasets = new HubDatasetStore({ endpoint: subnet.hubUrl, token: subnet.hubToken });
    const commit = async (name: string, sha: string) => {
      const hotkey = await WalletHotkey.open({ path: join(subnet.folder, 'wallets'), name });
      await metadata.commit({ repo: `local/${name}`, competition: '1', commit: sha, hotkey, signal });
      of(name).say(`committed local/${name}:1:${sha}`);
    };
    const uploaded = await datasets.upload({
      repo: 'local/malformed',
      path: join(subnet.folder, 'malformed.jsonl'),
      signal,
    });
    await commit('malformed', uploaded.commit);
    await commit('missing', '0123456789abcdef0123456789abcdef01234567');
    // An epoch sees what was committed when it began.
    const blocks = Competition.parse(LOCAL_COMPETITION).blocksPerEpoch;
    const block = await subtensor.currentBlock({ signal });
    await subtensor.waitForBlock({ block: Math.ceil(block / blocks) * blocks, signal });
  } finally {
    await subtensor.close();
  }
}
