import { ChainMetadataStore } from '../../../src/chain/commitments/chain-metadata-store.ts';
import type { Subtensor } from '../../../src/chain/subtensor.ts';
import type { DrandBeacon } from '../../../src/chain/timelock/drand.ts';
import type { HotkeySigner } from '../../../src/chain/wallet/hotkey.ts';
import type { PendingRevealStore } from '../../../src/chain/weights/pending-reveals.ts';
import { WeightSetter } from '../../../src/chain/weights/weight-setter.ts';
import type { LocalChain, Profile } from '../../../src/local/chain/local-chain.ts';
import { encodePointer } from '../../../src/schema/model-id.ts';

/** Weights are set directly on the first, committed and revealed on the second. */
export const DIRECT = 96;
export const HIDDEN = 97;
const WEIGHTS = [
  { uid: 1, weight: 0.75 },
  { uid: 2, weight: 0.25 },
];
const STORED_ROW = [
  { uid: 1, value: 65_535 },
  { uid: 2, value: 21_845 },
];
const MODEL = { repo: 'ann/chat', competition: '1', commit: 'a'.repeat(40) };

/** What a program has when it starts, for the first time or again: only the store outlives it. */
export interface Program {
  subtensor: Subtensor;
  hotkey: HotkeySigner;
  reveals: PendingRevealStore;
  /** Of the chain. */
  beacon: DrandBeacon;
  /** Lets the time pass until a block. */
  skipTo(block: number): Promise<unknown>;
}

/** Something a miner or validator intends, as a program that may be killed and started again at any time. */
export interface FaultMode {
  name: string;
  /** Runtimes that have it. */
  profiles: Profile[];
  /** Brings it about, whatever of it is there already. */
  finish(program: Program): Promise<void>;
  /** Calls that must be on the chain, each once, in this order. */
  calls: string[];
  /** What is on the chain in the end. */
  effect(chain: LocalChain, account: { uid: number; address: string }): unknown;
  intended: unknown;
}

export const FAULT_MODES: FaultMode[] = [
  {
    name: 'commit',
    profiles: ['legacy', 'current'],
    finish: async ({ subtensor, hotkey }) => {
      await new ChainMetadataStore({ subtensor, netuid: DIRECT }).commit({ ...MODEL, hotkey });
    },
    calls: ['commitments.setCommitment'],
    effect: (chain, { address }) => {
      const stored = chain.storage('Commitments.CommitmentOf', DIRECT, address) as Registration | null;
      return Buffer.from(Object.values(stored?.info.fields[0] ?? {})[0]?.slice(2) ?? '', 'hex').toString();
    },
    intended: encodePointer(MODEL),
  },
  {
    name: 'set weights',
    profiles: ['legacy', 'current'],
    finish: async (program) => {
      if (!(await hasSent(program, DIRECT))) await setterOf(program, DIRECT).set({ weights: WEIGHTS });
    },
    calls: ['subtensorModule.setWeights'],
    effect: (chain, { uid }) => chain.weights({ netuid: DIRECT, uid }),
    intended: STORED_ROW,
  },
  {
    name: 'commit and reveal weights',
    profiles: ['legacy', 'current'],
    finish: (program) => setHidden(program, 'hash'),
    calls: ['subtensorModule.commitWeights', 'subtensorModule.revealWeights'],
    effect: (chain, { uid }) => chain.weights({ netuid: HIDDEN, uid }),
    intended: STORED_ROW,
  },
  {
    name: 'time-lock weights',
    profiles: ['current'],
    finish: (program) => setHidden(program, 'timelock'),
    calls: ['subtensorModule.commitTimelockedWeights'],
    effect: (chain, { uid }) => chain.weights({ netuid: HIDDEN, uid }),
    intended: STORED_ROW,
  },
];

interface Registration {
  info: { fields: Record<string, string>[] };
}

function setterOf(program: Program, netuid: number, hide?: 'hash' | 'timelock'): WeightSetter {
  const { subtensor, hotkey, reveals, beacon } = program;
  return new WeightSetter({ subtensor, netuid, hotkey, pendingReveals: reveals, beacon, hide });
}

/** Sends weights that do not show yet, and sees to it that they do. */
async function setHidden(program: Program, hide: 'hash' | 'timelock'): Promise<void> {
  const { subtensor, hotkey, reveals, skipTo } = program;
  const setter = setterOf(program, HIDDEN, hide);
  if (!(await hasSent(program, HIDDEN))) await setter.set({ weights: WEIGHTS });
  const uid = (await subtensor.uid({ netuid: HIDDEN, hotkey: hotkey.address }))!;
  while ((await setter.read({ uid })).length === 0) {
    const { nextRevealBlock, dropped } = await setter.reveal();
    const isLost = (await reveals.list()).length === 0 && nextRevealBlock === null;
    if (isLost && (await setter.read({ uid })).length === 0)
      throw new Error(`the reveal is lost: ${JSON.stringify(dropped)}`);
    await skipTo(nextRevealBlock ?? (await subtensor.currentBlock()) + 1);
  }
  await setter.reveal();
}

/** Whether weights of this hotkey are on their way or there: the chain notes when it last took some. */
async function hasSent({ subtensor, hotkey }: Program, netuid: number): Promise<boolean> {
  const { neurons } = await subtensor.metagraph({ netuid });
  return neurons.find((neuron) => neuron.hotkey === hotkey.address)!.lastUpdateBlock > 0;
}
