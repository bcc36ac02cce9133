/** The other side of `npm run bench:week`: a chain and a hub with so many miners, who publish anew all the time. */
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ChainMetadataStore, HubDatasetStore, Subtensor, WalletHotkey } from 'flock-off';
import { LOCAL_COMPETITION, LocalChain, LocalHub, writeDevWallet } from 'flock-off/local';
import { mapConcurrent } from '../../../src/shared/map-concurrent.ts';

const NETUID = 7;
const TOKEN = 'hf_token';
const ROWS = 40;
/** Commitments at a time. */
const AT_ONCE = 16;

export interface WeekWorldParameters {
  folder: string;
  miners: number;
  blockTimeMs: number;
  blocksPerEpoch: number;
}

export class WeekWorld {
  readonly #folder: string;
  readonly #hub: LocalHub;
  readonly #chain: LocalChain;
  readonly #subtensor: Subtensor;
  readonly #miners: WalletHotkey[];
  #published = 0;

  private constructor(folder: string, hub: LocalHub, chain: LocalChain, subtensor: Subtensor, miners: WalletHotkey[]) {
    this.#folder = folder;
    this.#hub = hub;
    this.#chain = chain;
    this.#subtensor = subtensor;
    this.#miners = miners;
  }

  static async open({ folder, miners, blockTimeMs, blocksPerEpoch }: WeekWorldParameters): Promise<WeekWorld> {
    const path = join(folder, 'wallets');
    const names = ['validator', ...Array.from({ length: miners }, (_, i) => `miner-${i}`)];
    const neurons = [];
    for (const name of names) {
      const isValidator = name === 'validator';
      const wallet = await writeDevWallet({ path, name });
      neurons.push({ ...wallet, validatorPermit: isValidator, stake: isValidator ? 1_000 : 0 });
    }
    const rules = { ...LOCAL_COMPETITION, blocksPerEpoch, minRows: 2 };
    await writeFile(join(folder, 'competition.json'), JSON.stringify(rules));
    const hub = await LocalHub.open({ users: [{ name: 'u', token: TOKEN }] });
    const subnet = {
      netuid: NETUID,
      tempo: blocksPerEpoch - 1,
      weightsRateLimit: 0,
      commitRevealEnabled: false,
      neurons,
    };
    const chain = await LocalChain.open({ blockTimeMs, commitmentBytesPerEpoch: 1e6, subnets: [subnet] });
    const subtensor = await Subtensor.open({ endpoint: chain.url, maxClockDifferenceMs: Number.POSITIVE_INFINITY });
    const hotkeys = await Promise.all(names.slice(1).map((name) => WalletHotkey.open({ path, name })));
    return new WeekWorld(folder, hub, chain, subtensor, hotkeys);
  }

  /** The flags of a validator here. */
  flags(): string[] {
    const folder = (name: string) => join(this.#folder, name);
    return Object.entries({
      '--subtensor.chain_endpoint': this.#chain.url,
      '--max_clock_difference': 'off',
      '--hf_endpoint': this.#hub.url,
      '--netuid': String(NETUID),
      '--wallet.path': folder('wallets'),
      '--wallet.name': 'validator',
      '--data_dir': folder('data'),
      '--cache_dir': folder('cache'),
      '--metrics_dir': folder('metrics'),
      '--logging.logging_dir': folder('logs'),
      '--competition_file': folder('competition.json'),
      '--block_threshold': '1000',
    }).flat();
  }

  /** The next so many miners, in turn, publish a dataset that nobody has shown. */
  async publish(count: number): Promise<void> {
    const turns = Array.from({ length: count }, () => this.#published++);
    await mapConcurrent(turns, AT_ONCE, (turn) => this.#publishOne(turn));
  }

  async close(): Promise<void> {
    await this.#subtensor.close();
    await this.#chain.close();
    await this.#hub.close();
  }

  async #publishOne(turn: number): Promise<void> {
    const miner = turn % this.#miners.length;
    const repo = `u/miner-${miner}`;
    const path = join(this.#folder, `turn-${miner}.jsonl`);
    await writeFile(path, Array.from({ length: ROWS }, (_, i) => row(turn, i)).join(''));
    const { commit } = await new HubDatasetStore({ endpoint: this.#hub.url, token: TOKEN }).upload({ repo, path });
    const metadata = new ChainMetadataStore({ subtensor: this.#subtensor, netuid: NETUID });
    await metadata.commit({ repo, competition: '1', commit, hotkey: this.#miners[miner]! });
  }
}

function row(turn: number, i: number): string {
  const hash = createHash('sha256').update(`${turn} ${i}`).digest('hex');
  const words = hash.match(/.{5}/g)!.join(' ');
  const conversations = [
    { role: 'user', content: `What is ${words}?` },
    { role: 'assistant', content: `It is ${words.split(' ').reverse().join(' ')}, said ${turn} of ${i}.` },
  ];
  return `${JSON.stringify({ system: null, conversations })}\n`;
}
