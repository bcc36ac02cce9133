/**
 * A transaction for signers that show or check what they sign: polkadot.js's interface of this name, field by field, so
 * that an extension's `signPayload` takes it as it is. Numbers are big-endian hex.
 */
export interface SignerPayloadJSON {
  /** ss58 address of the signer. */
  address: string;
  assetId?: `0x${string}`;
  /** Of the block its era begins with. */
  blockHash: `0x${string}`;
  blockNumber: `0x${string}`;
  era: `0x${string}`;
  genesisHash: `0x${string}`;
  metadataHash?: `0x${string}`;
  /** The call, in SCALE. */
  method: string;
  mode?: number;
  nonce: `0x${string}`;
  specVersion: `0x${string}`;
  tip: `0x${string}`;
  transactionVersion: `0x${string}`;
  signedExtensions: string[];
  /** Of the extrinsic's format: 4. */
  version: number;
  withSignedTransaction?: boolean;
}
