import type { Competition } from '../schema/competition.ts';
import type { Commitment } from '../schema/metagraph.ts';
import { isPinned, ModelId } from '../schema/model-id.ts';
import type { Submission } from '../schema/submission.ts';
import { accept, type Checked, reject } from '../schema/verdict.ts';
import type { EpochStart } from './state-store.ts';

/** What one registered miner has committed: the submission, or the verdict on the pointer itself. */
export interface ReadPointer {
  uid: number;
  hotkey: string;
  coldkey: string;
  /** The text on the chain, `null` when it is not text. */
  text: string | null;
  submission: Checked<Submission>;
}

/**
 * Reads the commitment of every registered hotkey. Hotkeys that never committed are left out. Whatever else stands
 * there replaces the miner's earlier pointer, so anything that is no pinned pointer is a verdict, never the old dataset.
 */
export function readPointers(
  { neurons, commitments }: Pick<EpochStart, 'neurons' | 'commitments'>,
  competition: Competition,
  excluded?: { repo: string; reason: string }[],
): Map<string, ReadPointer> {
  const pointers = new Map<string, ReadPointer>();
  const reasons = new Map(excluded?.map(({ repo, reason }) => [repo, reason]));
  const committed = new Map(commitments.map((commitment) => [commitment.hotkey, commitment]));
  for (const { uid, hotkey, coldkey, registrationBlock } of neurons) {
    const commitment = committed.get(hotkey);
    // Who lists the evaluation sets takes no part.
    if (!commitment || hotkey === competition.evaluationSets?.signer) continue;
    pointers.set(hotkey, {
      uid,
      hotkey,
      coldkey,
      text: commitment.text,
      submission: withoutExcluded(readPointer(uid, registrationBlock, commitment, competition), reasons),
    });
  }
  return pointers;
}

function withoutExcluded(submission: Checked<Submission>, reasons: Map<string, string>): Checked<Submission> {
  const reason = submission.ok ? reasons.get(submission.value.pointer.repo) : undefined;
  return reason === undefined ? submission : reject('excluded', `this validator leaves the repository out: ${reason}`);
}

function readPointer(
  uid: number,
  registrationBlock: number,
  commitment: Commitment,
  competition: Competition,
): Checked<Submission> {
  const decoded = ModelId.safeDecode(commitment.text ?? '');
  if (!decoded.success) {
    const seen =
      commitment.text === null ? `data that is not text (${commitment.kind})` : JSON.stringify(commitment.text);
    const why = decoded.error.issues[0]!.message;
    return reject('invalid-pointer', `the commitment is no pointer: ${why}, saw ${seen}`);
  }
  const pointer = decoded.data;
  if (pointer.competition !== competition.id) {
    return reject(
      'wrong-competition',
      `the pointer names competition "${pointer.competition}", this one is "${competition.id}"`,
    );
  }
  if (!isPinned(pointer)) {
    return reject('unpinned-commit', 'the pointer names a branch; commit the full 40-hex sha of the upload');
  }
  // A commitment outlives its neuron: one from before the registration gets no advantage from its age.
  const commitBlock = Math.max(commitment.block, registrationBlock);
  return accept({ uid, hotkey: commitment.hotkey, pointer, commitBlock });
}
