import { ask, HashAnswer, HeaderAnswer } from './answers.ts';
import type { Node } from './snapshot.ts';

/** The hash of a block once it cannot be taken back any more, `null` before that. Two round trips. */
export async function readFinalHash({ socket }: Pick<Node, 'socket'>, block: number): Promise<string | null> {
  const finalHash = await ask(socket, 'chain_getFinalizedHead', [], HashAnswer);
  // Asked for after the final head is known: up to that the hashes do not change.
  const [final, hash] = await Promise.all([
    ask(socket, 'chain_getHeader', [finalHash], HeaderAnswer),
    ask(socket, 'chain_getBlockHash', [block], HashAnswer.nullable()),
  ]);
  return final.number >= block ? hash : null;
}
