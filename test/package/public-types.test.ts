import { expect, test } from 'vitest';
import { publicTypes } from './public-types.ts';

const { unnamed, foreign } = publicTypes();

test('every type that a public signature mentions can be imported by its name', () => {
  expect(unnamed).toEqual([]);
});

test('of other packages the public signatures mention zod, and these types of @polkadot', () => {
  expect(foreign.filter((type) => !type.startsWith('zod: '))).toEqual([
    // The call that `submit` is given, and the API that it is built with.
    '@polkadot/api-base: SubmittableExtrinsic',
    '@polkadot/api: ApiPromise',
    // What a signer that shows a transaction is given.
    '@polkadot/types: SignerPayloadJSON',
  ]);
});
