import { z } from 'zod';

export const LEDGER_FORMAT = 'flock-off ledger';
/** Of the format that this version writes, and the only one it reads. */
export const LEDGER_VERSION = 1;

/** Whose ledger of which competition a file is. */
export const LedgerHeader = z.object({
  format: z.literal(LEDGER_FORMAT),
  version: z.literal(LEDGER_VERSION),
  /** Of the chain, `0x` hex. */
  genesisHash: z.string(),
  netuid: z.int().nonnegative(),
  competition: z.string(),
  /** The block that its last epoch began with. */
  block: z.int().nonnegative(),
  /** ss58 address of the hotkey that signed it. */
  signer: z.string(),
});
export type LedgerHeader = z.infer<typeof LedgerHeader>;

/** What the signature is of. */
export function signedText(sha256: string): Uint8Array {
  return Buffer.from(`${LEDGER_FORMAT} sha256:${sha256}`);
}
