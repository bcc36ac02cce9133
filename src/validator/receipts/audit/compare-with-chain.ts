import type { Chain } from '../../../chain/chain.ts';
import { type Snapshot, toNumber } from '../../../chain/node/snapshot.ts';
import { epochPosition, epochReads } from '../../../chain/subnet/epoch-schedule.ts';
import { readSubnetAt, readUid, type SubnetAt } from '../../../chain/subnet/subnet.ts';
import { isSameRow, readStanding } from '../../../chain/weights/row.ts';
import { storageIndex } from '../../../chain/weights/terms.ts';
import { startOf } from '../../epoch-start.ts';
import type { Receipt } from '../receipt.ts';
import { firstDifference, jsonOf, shownValue } from './difference.ts';
import { readReceipt } from './read-receipt.ts';

export interface CompareWithChainParameters {
  subtensor: Pick<Chain, 'read'>;
  /** Sound receipts, by block. */
  paths: string[];
  signal?: AbortSignal;
}

export interface CompareWithChainReturnType {
  findings: { path: string; finding: { place: string; why: string } }[];
  /** What was compared, in sentences. */
  said: string[];
}

/**
 * What the chain says of the same epochs: which chain it is, the hashes that seeded the draws, the subnet as of their first
 * blocks and as of those of their weights (who was registered, and what a weight is limited to) where the node keeps that, and
 * the weights that stand now beside those of the last report that sent any.
 */
export async function compareWithChain(parameters: CompareWithChainParameters): Promise<CompareWithChainReturnType> {
  const { subtensor, paths, signal } = parameters;
  const findings: CompareWithChainReturnType['findings'] = [];
  const counts = { seeds: 0, states: 0, ends: 0 };
  let last: { path: string; receipt: Receipt } | null = null;
  for (const path of paths) {
    const read = await readReceipt({ path, look: 'nothing' });
    if (!read.ok) continue;
    const { receipt } = read;
    const find = (place: string, why: string) => findings.push({ path, finding: { place, why } });
    await compareOne(receipt, find);
    if (receipt.receipt && receipt.receipt.block >= (last?.receipt.receipt?.block ?? 0)) last = { path, receipt };
  }
  const said = [
    `the chain has the hashes that seeded the draws of ${counts.seeds} of ${paths.length} reports`,
    `the subnet as of their first blocks was compared for ${counts.states} of ${paths.length}, and who was registered as of the blocks of their weights for ${counts.ends}; of the others the node does not keep the state (an archive node does)`,
  ];
  if (last === null) return { findings, said: [...said, 'no report sent weights, so none were compared'] };
  const weights = await compareWeights(last.receipt);
  if (weights.place !== null) findings.push({ path: last.path, finding: { place: weights.place, why: weights.why } });
  return { findings, said: weights.place === null ? [...said, weights.why] : said };

  async function compareOne(receipt: Receipt, find: (place: string, why: string) => void): Promise<void> {
    const { epoch, end, genesisHash } = receipt.inputs;
    const { startBlock, seedBlock, seedBlockHash } = epoch;
    const hashAt = async (snapshot: Snapshot, block: number) => (await (await snapshot.at(block))?.blockHash()) ?? null;
    const use = async (snapshot: Snapshot) => ({
      genesisHash: snapshot.genesisHash,
      hash: await hashAt(snapshot, seedBlock),
      endHash: await hashAt(snapshot, end.block),
    });
    const seen = await subtensor.read({ what: `reading the hash of block ${seedBlock}`, use, signal });
    if (seen.genesisHash !== genesisHash) {
      find('inputs.genesisHash', `is ${genesisHash}, and this chain has ${seen.genesisHash}`);
      return;
    }
    if (seen.hash === null) find('seedBlock', `is ${seedBlock}, which the chain does not have`);
    // Told already where one of an earlier version could lack it.
    else if (seedBlockHash !== undefined && seen.hash !== seedBlockHash)
      find('inputs.epoch.seedBlockHash', `is ${seedBlockHash}, and the chain has ${seen.hash}`);
    else if (seedBlockHash !== undefined) counts.seeds++;
    if (seen.endHash === null) find('inputs.end.block', `is ${end.block}, which the chain does not have`);

    const start = await subnetAt(startBlock);
    if (start !== null) {
      counts.states++;
      const { timeMs, ownerUid, neurons, commitments } = epoch;
      compare({ timeMs, ownerUid, neurons, commitments }, startOf(start), 'inputs.epoch');
    }
    const atEnd = await subnetAt(end.block);
    if (atEnd === null) return;
    counts.ends++;
    const neurons = atEnd.metagraph.neurons.map(({ uid, hotkey, coldkey }) => ({ uid, hotkey, coldkey }));
    compare(end.neurons, neurons, 'inputs.end.neurons');
    // It is what weights are clipped to: a report could name one of its own.
    const limit = atEnd.metagraph.hyperparameters.maxWeightShare ?? 1;
    if (receipt.receipt !== null) compare(receipt.receipt.maxWeightsLimit ?? 1, limit, 'receipt.maxWeightsLimit');

    async function subnetAt(block: number): Promise<SubnetAt | null> {
      return subtensor.read({
        what: `reading the subnet as of block ${block}`,
        use: (snapshot) => readSubnetAt(snapshot, receipt.netuid, block),
        signal,
      });
    }

    function compare(said: unknown, ofChain: unknown, place: string): void {
      const difference = firstDifference(said, jsonOf(ofChain), place);
      if (difference)
        find(
          difference.place,
          `is ${shownValue(difference.seen)}, and the chain has ${shownValue(difference.expected)}`,
        );
    }
  }

  async function compareWeights(receipt: Receipt): Promise<{ place: string | null; why: string }> {
    const { netuid, signer, startBlock } = receipt;
    const sent = receipt.receipt!;
    const stands = await subtensor.read({
      what: 'reading the weights that stand',
      signal,
      use: async (snapshot) => {
        const uid = await readUid(snapshot, netuid, signer);
        if (uid === null) return null;
        const { schedule, revealPeriod } = await snapshot.read({
          schedule: epochReads(snapshot, netuid),
          revealPeriod: snapshot.forSubnet('subtensorModule.revealPeriodEpochs', netuid),
        });
        const { block: head, periodBlocks } = epochPosition(netuid, schedule);
        const standing = await readStanding(snapshot, storageIndex({ netuid, mechanism: 0 }), uid);
        return {
          uid,
          head,
          revealBlocks: (toNumber(revealPeriod) + 2) * periodBlocks || Number.POSITIVE_INFINITY,
          ...standing,
        };
      },
    });
    if (stands === null) return { place: 'signer', why: `is ${signer}, who is not registered on subnet ${netuid}` };
    const { uid, head, revealBlocks, row, lastUpdateBlock } = stands;
    if (isSameRow(row, sent))
      return { place: null, why: `the weights of the report of block ${startBlock} stand on the chain (uid ${uid})` };
    // The chain notes the block of the commit, and shows its weights from the reveal on, whose window the subnet sets: what
    // a report says of it may be anything.
    const isDue = head > Math.min(sent.revealUntilBlock ?? sent.block, sent.block + revealBlocks);
    if (sent.mode !== 'set' && sent.block === lastUpdateBlock && !isDue)
      return {
        place: null,
        why: `the weights of the report of block ${startBlock} were committed in block ${sent.block} and are not revealed yet: what stands is of before`,
      };
    const at = sent.uids.findIndex((one, i) => sent.values[i] !== (row.values[row.uids.indexOf(one)] ?? 0));
    return {
      place: at === -1 ? 'receipt' : `receipt.values[${at}]`,
      why: `${at === -1 ? 'is not all that the chain has' : `is ${sent.values[at]} for uid ${sent.uids[at]}, and the chain has ${row.values[row.uids.indexOf(sent.uids[at]!)] ?? 0}`} (uid ${uid}, last set in block ${lastUpdateBlock})`,
    };
  }
}
