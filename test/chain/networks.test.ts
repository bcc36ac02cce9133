import { expect, test } from 'vitest';
import { resolveEndpoint } from '../../src/chain/networks.ts';

test.each([
  [{}, 'wss://entrypoint-finney.opentensor.ai:443'],
  [{ network: 'test' }, 'wss://test.finney.opentensor.ai:443'],
  [{ network: 'archive' }, 'wss://archive.chain.opentensor.ai:443'],
  [{ network: 'local' }, 'ws://127.0.0.1:9944'],
  [{ network: 'ws://10.0.0.1:9944' }, 'ws://10.0.0.1:9944'],
  [{ network: 'node.example:9944' }, 'ws://node.example:9944'],
  [{ network: 'finney', endpoint: 'wss://mine.example' }, 'wss://mine.example'],
])('%j is %s: endpoint, then network, then finney', (parameters, url) => {
  expect(resolveEndpoint(parameters)).toBe(url);
});

test.each([[{ endpoint: 'https://mine.example' }], [{ network: 'no such host' }], [{ endpoint: 'ws://' }]])(
  '%j is refused with the names that exist',
  (parameters) => {
    expect(() => resolveEndpoint(parameters)).toThrow(
      expect.objectContaining({ code: 'bad-argument', message: expect.stringContaining('finney, test, archive') }),
    );
  },
);
