import { Connection } from '../../src/chain/connection.ts';

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
}

/** Every signed call in the blocks of a chain, in order, read as one would read any chain: from the best block back. */
export async function sentCalls(url: string): Promise<SentCall[]> {
  const connection = new Connection({ urls: [url], timeoutMs: 30_000 });
  try {
    return await connection.use('reading every block', async ({ socket, api }) => {
      const calls: SentCall[] = [];
      for (let hash = await socket.request<string>('chain_getBlockHash'); ; ) {
        const { block } = await socket.request<SignedBlock>('chain_getBlock', [hash]);
        const number = Number(block.header.number);
        if (number === 0) return calls;
        const inBlock = block.extrinsics
          .map((hex) => api.registry.createType('Extrinsic', hex))
          .filter(({ isSigned }) => isSigned)
          .map(({ method, signer, nonce, era }) => ({
            block: number,
            name: `${method.section}.${method.method}`,
            signer: String(signer),
            nonce: nonce.toNumber(),
            args: Object.fromEntries(method.args.map((arg, i) => [String(method.meta.args[i]!.name), arg.toJSON()])),
            eraBlocks: era.isMortalEra ? era.asMortalEra.period.toNumber() : 0,
          }));
        calls.unshift(...inBlock);
        hash = block.header.parentHash;
      }
    });
  } finally {
    connection.close();
  }
}

interface SignedBlock {
  block: { header: { number: string; parentHash: string }; extrinsics: string[] };
}
