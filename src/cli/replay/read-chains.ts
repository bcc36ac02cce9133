import { FlockOffError } from '../../errors/flock-off-error.ts';
import { filesOf } from '../../validator/receipts/audit/files.ts';
import { readReceipt } from '../../validator/receipts/audit/read-receipt.ts';
import { Chains } from '../../validator/receipts/chains.ts';
import type { Receipt } from '../../validator/receipts/receipt.ts';

/** Reports of which each goes on from the one before: of one validator in one competition. */
export interface ChainOfReports {
  competition: string;
  netuid: number;
  /** ss58 address of whose reports they are. */
  signer: string;
  /** By block. */
  receipts: [Receipt, ...Receipt[]];
}

/**
 * The reports of files and folders by chain, wherever those of one lie; by competition. Of one that is there twice, one is
 * taken.
 * @throws FlockOffError `bad-argument` where there is none, or two of a chain are of the same block; `disk`.
 */
export async function readChains(paths: string[]): Promise<ChainOfReports[]> {
  const read = new Map<string, { path: string; receipt: Receipt }>();
  for (const path of await filesOf(paths)) {
    const { receipt, sha256 } = await readOne(path);
    if (!read.has(sha256)) read.set(sha256, { path, receipt });
  }
  const byBlock = [...read].sort(([, a], [, b]) => a.receipt.startBlock - b.receipt.startBlock);
  const all: ChainOfReports[] = [];
  const chains = new Chains<{ sha256: string; path: string; chain: ChainOfReports }>();
  for (const [sha256, { path, receipt }] of byBlock) {
    const { competition, netuid, signer, inputs } = receipt;
    const name = JSON.stringify([inputs.genesisHash, netuid, signer, competition]);
    const before = chains.before(name, receipt);
    if (before === null) {
      const chain: ChainOfReports = { competition, netuid, signer, receipts: [receipt] };
      all.push(chain);
      chains.add(name, { sha256, path, chain });
      continue;
    }
    if (before.chain.receipts.at(-1)!.startBlock === receipt.startBlock)
      throw sameBlock(before.path, path, receipt.startBlock);
    before.chain.receipts.push(receipt);
    // It may have been changed for another one.
    before.chain.competition = competition;
    chains.add(name, { sha256, path, chain: before.chain });
  }
  return all.sort((a, b) => (a.competition < b.competition ? -1 : 1));
}

async function readOne(path: string): Promise<{ receipt: Receipt; sha256: string }> {
  const read = await readReceipt({ path, look: 'form' });
  if (read.ok) return read;
  throw new FlockOffError({
    code: 'disk',
    what: `${path} cannot be replayed: ${read.bad.place} ${read.bad.why}`,
    fix: 'leave it out; `flock-off audit` says more',
    facts: { path },
  });
}

function sameBlock(one: string, other: string, block: number): FlockOffError {
  return new FlockOffError({
    code: 'bad-argument',
    what: `${one} and ${other} are different reports of block ${block} of one competition`,
    fix: 'leave one of them out; `flock-off audit` tells which goes on from the others',
    facts: { name: 'reports' },
  });
}
