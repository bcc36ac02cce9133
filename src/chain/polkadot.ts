/** The one door to @polkadot/*: nothing of it is loaded before the first wallet or connection is opened. */
export async function polkadot() {
  const [api, util, crypto] = await Promise.all([
    import('@polkadot/api'),
    import('@polkadot/util'),
    import('@polkadot/util-crypto'),
  ]);
  await crypto.cryptoWaitReady();
  return {
    ApiPromise: api.ApiPromise,
    WsProvider: api.WsProvider,
    bnToU8a: util.bnToU8a,
    compactToU8a: util.compactToU8a,
    u8aConcat: util.u8aConcat,
    u8aToHex: util.u8aToHex,
    hexToU8a: util.hexToU8a,
    blake2AsHex: crypto.blake2AsHex,
    encodeAddress: crypto.encodeAddress,
    mnemonicToMiniSecret: crypto.mnemonicToMiniSecret,
    mnemonicValidate: crypto.mnemonicValidate,
    sr25519PairFromSeed: crypto.sr25519PairFromSeed,
    sr25519Sign: crypto.sr25519Sign,
  };
}
