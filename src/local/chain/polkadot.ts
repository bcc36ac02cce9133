/** The parts of @polkadot that the development chain encodes, decodes, hashes and verifies with; loaded when it starts. */
export async function polkadot() {
  const [types, metadata, util, crypto] = await Promise.all([
    import('@polkadot/types'),
    import('@polkadot/types/metadata'),
    import('@polkadot/util'),
    import('@polkadot/util-crypto'),
  ]);
  await crypto.cryptoWaitReady();
  return { ...types, Metadata: metadata.Metadata, ...util, ...crypto };
}

export type Polkadot = Awaited<ReturnType<typeof polkadot>>;
