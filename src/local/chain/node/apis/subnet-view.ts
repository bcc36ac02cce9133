import type { Block, Chain } from '../chain.ts';

/** A neuron as the runtime's APIs tell it; each part is read when it is asked for. */
export interface NeuronView {
  uid: number;
  /** Public keys, `0x` hex. */
  hotkey: string;
  coldkey: string;
  /** Alpha, in smallest units. No TAO is staked on this chain, and no hotkey has a parent. */
  stake: bigint;
  axon: Record<string, unknown> | Uint8Array;
  registeredAt: number;
}

/** `AxonInfo` of a neuron that serves none, encoded. */
const NO_AXON = new Uint8Array(8 + 4 + 16 + 2 + 4);

/** A subnet's state as of a block, read by short names. */
export class SubnetView {
  readonly netuid: number;
  readonly block: number;
  readonly #chain: Chain;
  /** Where the mechanism's vectors are. */
  readonly #index: number;

  constructor(chain: Chain, at: Block, netuid: number, mecid = 0) {
    this.#chain = chain;
    this.block = at.number;
    this.netuid = netuid;
    this.#index = mecid * 4096 + netuid;
  }

  get exists(): boolean {
    return this.get('NetworksAdded');
  }

  /** A value of the subnet. */
  get<T>(item: string): T {
    return this.#chain.storage.getAt<T>(this.block, `SubtensorModule.${item}`, this.netuid);
  }

  /** A value of the subnet, or another where this runtime does not have it. */
  getOr<T>(item: string, other: T): T {
    return this.#chain.codecAt(this.block).has(`SubtensorModule.${item}`) ? this.get<T>(item) : other;
  }

  /** A public key of the subnet, `0x` hex. */
  key(item: string): string {
    return this.#chain.storage.bytesAt(this.block, `SubtensorModule.${item}`, this.netuid);
  }

  /** A vector of the mechanism, with a value for each uid: 0 where none is stored yet. */
  vector(item: 'Incentive' | 'LastUpdate'): number[] {
    const stored = this.#chain.storage.getAt<number[]>(this.block, `SubtensorModule.${item}`, this.#index);
    return Array.from({ length: this.get<number>('SubnetworkN') }, (_, uid) => stored[uid] ?? 0);
  }

  /** A row of weights or bonds. */
  row(item: 'Weights' | 'Bonds', uid: number): [number, number][] {
    return this.#chain.storage.getAt(this.block, `SubtensorModule.${item}`, this.#index, uid);
  }

  neurons(): NeuronView[] {
    return Array.from({ length: this.get<number>('SubnetworkN') }, (_, uid) => this.neuron(uid));
  }

  neuron(uid: number): NeuronView {
    const { netuid, block } = this;
    const { storage } = this.#chain;
    const bytes = (item: string, ...keys: unknown[]) => storage.bytesAt(block, `SubtensorModule.${item}`, ...keys);
    const hotkey = bytes('Keys', netuid, uid);
    return {
      uid,
      hotkey,
      get coldkey() {
        return bytes('Owner', hotkey);
      },
      get stake() {
        return littleEndian(bytes('TotalHotkeyAlpha', hotkey, netuid));
      },
      get axon() {
        const axon = storage.getAt<Record<string, unknown> | null>(block, 'SubtensorModule.Axons', netuid, hotkey);
        return axon ? snakeCased(axon) : NO_AXON;
      },
      get registeredAt() {
        return Number(littleEndian(bytes('BlockAtRegistration', netuid, uid)));
      },
    };
  }

  /** The subnet's identity as `SubnetIdentityV3`, if it has one. */
  identity(): Record<string, unknown> | null {
    const stored = this.get<Record<string, unknown> | null>('SubnetIdentitiesV3');
    return stored && snakeCased(stored);
  }

  /** Its name as bytes. */
  name(): Buffer {
    return Buffer.from(String(this.identity()?.subnet_name ?? '0x').slice(2), 'hex');
  }

  /** The block in which the next epoch is due; `null` where there is none. */
  nextEpoch(): number | null {
    const tempo = this.get<number>('Tempo');
    if (tempo === 0) return null;
    const pending = this.get<number>('PendingEpochAt');
    const due = this.get<number>('LastEpochBlock') + tempo;
    return pending > 0 ? Math.min(pending, due) : due;
  }

  /** Blocks without an update after which a neuron counts as inactive. */
  activityCutoff(): number {
    const milli = this.get<number>('ActivityCutoffFactorMilli');
    return Math.max(1, Math.floor((milli * this.get<number>('Tempo')) / 1000));
  }
}

function littleEndian(hex: string): bigint {
  return Buffer.from(hex.slice(2), 'hex').readBigUInt64LE();
}

function snakeCased(value: Record<string, unknown>): Record<string, unknown> {
  const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [snake(name), one]));
}
