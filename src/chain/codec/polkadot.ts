/** The one door to @polkadot/*: nothing of it is loaded before the first wallet or connection is opened. */

/** Keys, signatures and hashes: what a wallet needs, without loading the API. */
export async function polkadotCrypto() {
  const [crypto, util] = await Promise.all([import('@polkadot/util-crypto'), import('@polkadot/util')]);
  await crypto.cryptoWaitReady();
  return {
    blake2AsU8a: crypto.blake2AsU8a,
    decodeAddress: crypto.decodeAddress,
    ed25519PairFromSeed: crypto.ed25519PairFromSeed,
    ed25519Sign: crypto.ed25519Sign,
    ed25519Verify: crypto.ed25519Verify,
    encodeAddress: crypto.encodeAddress,
    mnemonicToMiniSecret: crypto.mnemonicToMiniSecret,
    mnemonicValidate: crypto.mnemonicValidate,
    naclDecrypt: crypto.naclDecrypt,
    sr25519PairFromSeed: crypto.sr25519PairFromSeed,
    sr25519Sign: crypto.sr25519Sign,
    sr25519Verify: crypto.sr25519Verify,
    bnToU8a: util.bnToU8a,
    compactFromU8a: util.compactFromU8a,
    compactToU8a: util.compactToU8a,
    hexToU8a: util.hexToU8a,
    u8aConcat: util.u8aConcat,
    u8aToHex: util.u8aToHex,
  };
}

/** The API: metadata, storage keys, calls, and the types they are made of. */
export async function polkadotApi() {
  const [{ ApiPromise }, { TypeRegistry }] = await Promise.all([import('@polkadot/api'), import('@polkadot/types')]);
  return { ApiPromise, TypeRegistry };
}
