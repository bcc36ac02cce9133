import { Connection } from '../../../src/chain/node/connection.ts';
import { readOutcome } from '../../../src/chain/transaction/watch.ts';

/** A signed call that is in a block. */
export interface SentCall {
  block: number;
  /** "pallet.call" in polkadot.js spelling. */
  name: string;
  /** ss58 address. */
  signer: string;
  nonce: number;
  /** By name, as JSON. */
  args: Record<string, unknown>;
  /** Blocks it was valid for; 0 for ever. */
  eraBlocks: number;
  /** The runtime's error by name, `null` when the call took effect. */
  refusal: string | null;
}

/**
 * Every signed call in the blocks after `since`, in order, read as one would read any chain: from the best block back.
 */
export async function sentCalls(url: string, { since = 0 }: { since?: number } = {}): Promise<SentCall[]> {
  const connection = new Connection({ urls: [url], timeoutMs: 60_000 });
  try {
    return await readSentCalls(connection, since);
  } finally {
    connection.close();
  }
}

/** The same over a connection that is open already. */
export function readSentCalls(connection: Connection, since: number): Promise<SentCall[]> {
  return connection.use('reading every block', async ({ socket, api }) => {
    const calls: SentCall[] = [];
    for (let hash = await socket.request<string>('chain_getBlockHash'); ; ) {
      const { block } = await socket.request<SignedBlock>('chain_getBlock', [hash]);
      const number = Number(block.header.number);
      if (number <= since) return calls;
      const inBlock: SentCall[] = [];
      for (const hex of block.extrinsics) {
        const { isSigned, method, signer, nonce, era } = api.registry.createType('Extrinsic', hex);
        if (!isSigned) continue;
        inBlock.push({
          block: number,
          name: `${method.section}.${method.method}`,
          signer: String(signer),
          nonce: nonce.toNumber(),
          args: Object.fromEntries(method.args.map((arg, i) => [String(method.meta.args[i]!.name), arg.toJSON()])),
          eraBlocks: era.isMortalEra ? era.asMortalEra.period.toNumber() : 0,
          refusal: (await readOutcome({ socket, api }, hex, hash)).refusal?.name ?? null,
        });
      }
      calls.unshift(...inBlock);
      hash = block.header.parentHash;
    }
  });
}

interface SignedBlock {
  block: { header: { number: string; parentHash: string }; extrinsics: string[] };
}
