import type { PinnedModelId } from './model-id.ts';

/** One miner's dataset as committed on the chain. */
export interface Submission {
  uid: number;
  hotkey: string;
  pointer: PinnedModelId;
  /** Block the pointer was committed in: of two losses that are close the earlier one's wins. */
  commitBlock: number;
}
