import type { Chain } from '../../chain/chain.ts';
import { readUid } from '../../chain/subnet/subnet.ts';
import type { FoundedCompetition } from '../../competition/read-document.ts';

/** What a founder should know of the hotkey that lists the sets: without its place on the subnet it has no commitment. */
export async function signerRemark(
  { document, competition }: FoundedCompetition,
  subtensor: Pick<Chain, 'read'>,
  signal?: AbortSignal,
): Promise<string[]> {
  const signer = competition.evaluationSets?.signer;
  if (signer === undefined) return [];
  const { netuid } = document.subnet;
  const { uid, owner } = await subtensor.read({
    what: `looking for the hotkey that lists the sets of subnet ${netuid}`,
    use: async (snapshot) => {
      const { owner } = await snapshot.read({
        owner: snapshot.optional(['subtensorModule.subnetOwnerHotkey', netuid]),
      });
      return { uid: await readUid(snapshot, netuid, signer), owner: owner && String(owner) };
    },
    signal,
  });
  if (uid === null) return [`nobody can list sets: ${signer} is not registered on subnet ${netuid}`];
  if (owner === null || owner === signer) return [];
  return [
    `sets are listed by ${signer}, which is not the owner's hotkey on the chain: on a full subnet it may lose its place, and its list with it`,
  ];
}
