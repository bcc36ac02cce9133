/** The parts of @polkadot that the development chain encodes, decodes, hashes and verifies with; loaded when it starts. */
export async function polkadot() {
  const [types, { Metadata }, util, crypto] = await Promise.all([
    import('@polkadot/types'),
    import('@polkadot/types/metadata'),
    import('@polkadot/util'),
    import('@polkadot/util-crypto'),
  ]);
  await crypto.cryptoWaitReady();
  const { TypeRegistry, expandMetadata } = types;
  const { compactFromU8a, compactToU8a, hexToU8a, stringCamelCase, stringToU8a, u8aConcat, u8aToHex } = util;
  const { blake2AsHex, blake2AsU8a, decodeAddress, ed25519Verify, encodeAddress, sr25519PairFromSeed, sr25519Verify } =
    crypto;
  return {
    ...{ Metadata, TypeRegistry, expandMetadata },
    ...{ compactFromU8a, compactToU8a, hexToU8a, stringCamelCase, stringToU8a, u8aConcat, u8aToHex },
    ...{ blake2AsHex, blake2AsU8a, decodeAddress, ed25519Verify, encodeAddress, sr25519PairFromSeed, sr25519Verify },
  };
}

export type Polkadot = Awaited<ReturnType<typeof polkadot>>;
