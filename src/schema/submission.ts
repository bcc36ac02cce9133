import type { PinnedModelId } from './model-id.ts';

/** One miner's dataset as committed on the chain. */
export interface Submission {
  uid: number;
  hotkey: string;
  pointer: PinnedModelId;
  /** Block the pointer was committed in: the earlier one wins ties and keeps a duplicated dataset. */
  commitBlock: number;
}
