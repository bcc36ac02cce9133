type Hex = `0x${string}`;

/**
 * A transaction for signers that show or check what they sign: polkadot.js's interface of this name, field by field, so
 * that an extension's `signPayload` takes it as it is. Numbers are big-endian hex.
 */
export interface SignerPayloadJSON {
  /** ss58 address of the signer. */
  address: string;
  assetId?: Hex;
  /** Of the block its era begins with. */
  blockHash: Hex;
  blockNumber: Hex;
  era: Hex;
  genesisHash: Hex;
  metadataHash?: Hex;
  /** The call, in SCALE. */
  method: string;
  mode?: number;
  nonce: Hex;
  specVersion: Hex;
  tip: Hex;
  transactionVersion: Hex;
  signedExtensions: string[];
  /** Of the extrinsic's format: 4. */
  version: number;
  withSignedTransaction?: boolean;
}
