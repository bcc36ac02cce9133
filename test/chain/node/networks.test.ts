import { expect, test } from 'vitest';
import { resolveEndpoints } from '../../../src/chain/node/networks.ts';

const FINNEY = '0x2f0555cc76fc2840a25a6ea3b9637146806f1f44b090c175ffde2a7e5ab36c03';
const TEST = '0x8f9cf856bf558a14440e75569c9e58594757048d7b3a84b5d25f6bd978263105';
const finney = {
  urls: ['wss://entrypoint-finney.opentensor.ai:443', 'wss://lite.sub.latent.to:443'],
  genesisHash: FINNEY,
};
const any = (...urls: string[]) => ({ urls, genesisHash: null });

test.each([
  [{}, finney],
  [{ network: 'finney' }, finney],
  [{ network: 'test' }, { urls: ['wss://test.finney.opentensor.ai:443'], genesisHash: TEST }],
  [{ network: 'archive' }, { urls: ['wss://archive.chain.opentensor.ai:443'], genesisHash: FINNEY }],
  [{ network: 'latent-lite' }, { urls: ['wss://lite.sub.latent.to:443'], genesisHash: FINNEY }],
  [{ network: 'local' }, any('ws://127.0.0.1:9944')],
  [{ network: 'ws://10.0.0.1:9944' }, any('ws://10.0.0.1:9944')],
  [{ network: 'node.example:9944' }, any('ws://node.example:9944')],
  [{ network: 'finney', endpoint: 'wss://mine.example' }, any('wss://mine.example')],
  [{ network: 'finney', endpoints: ['wss://a.example', 'b.example'] }, any('wss://a.example', 'ws://b.example')],
  [
    { endpoint: 'wss://a.example', endpoints: ['wss://b.example', 'wss://a.example'] },
    any('wss://a.example', 'wss://b.example'),
  ],
  [
    { network: 'test', endpoints: [] },
    { urls: ['wss://test.finney.opentensor.ai:443'], genesisHash: TEST },
  ],
])('%j is %j: endpoints, then network, then finney', (parameters, target) => {
  expect(resolveEndpoints(parameters)).toEqual(target);
});

test.each([
  ['https://me:S3CRET@mine.example/ws?apikey=S3CRET', 'https://mine.example/...'],
  ['https://mine.example/v1/S3CRET', 'https://mine.example/...'],
  ['https://mine.example/#S3CRET', 'https://mine.example'],
  ['ws://me:S3/CRET@mine.example', 'ws://...'],
  ['ws://me:S3?CRET@mine.example', 'ws://...'],
  ['me:S3CRET@mine.example:99999', '...'],
  ['ws://mine.example:99999/v1/S3CRET', 'ws://...'],
  ['mine.example:99999', 'mine.example:99999'],
])('an access key in the mistyped endpoint %s is not shown', (endpoint, shown) => {
  expect(() => resolveEndpoints({ endpoint })).toThrow(
    expect.objectContaining({
      message: expect.stringContaining(`"${shown}" is neither`),
      facts: { name: 'target', value: shown },
    }),
  );
});

test.each([
  [{ endpoint: 'https://mine.example' }],
  [{ endpoints: ['wss://mine.example', 'https://mine.example'] }],
  [{ network: 'no such host' }],
  [{ network: 'toString:x y' }],
  [{ endpoint: 'ws://' }],
])('%j is refused with the names that exist', (parameters) => {
  expect(() => resolveEndpoints(parameters)).toThrow(
    expect.objectContaining({ code: 'bad-argument', message: expect.stringContaining('finney, test, archive') }),
  );
});
