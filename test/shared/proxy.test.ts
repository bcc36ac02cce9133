import { describe, expect, test } from 'vitest';
import { proxySettings } from '../../src/shared/proxy.ts';

const PROXY = 'http://proxy:3128';
const shown = (env: NodeJS.ProcessEnv, url: string) => proxySettings(undefined, env)?.(url)?.shown ?? null;

describe('which proxy', () => {
  test.each([
    ['http://a.test/', { HTTP_PROXY: 'one:1', HTTPS_PROXY: 'two:2' }, 'one:1'],
    ['https://a.test/', { HTTP_PROXY: 'one:1', HTTPS_PROXY: 'two:2' }, 'two:2'],
    ['ws://a.test/', { HTTP_PROXY: 'one:1', HTTPS_PROXY: 'two:2' }, 'one:1'],
    ['wss://a.test/', { HTTP_PROXY: 'one:1', HTTPS_PROXY: 'two:2' }, 'two:2'],
    ['https://a.test/', { HTTP_PROXY: 'one:1' }, null],
    ['https://a.test/', { HTTP_PROXY: 'one:1', ALL_PROXY: 'all:9' }, 'all:9'],
    ['http://a.test/', { HTTP_PROXY: 'one:1', http_proxy: 'two:2' }, 'two:2'],
    ['http://a.test/', { HTTP_PROXY: 'one:1', http_proxy: '' }, null],
    ['http://a.test/', { HTTP_PROXY: ' http://one ' }, 'one:80'],
    ['http://a.test/', { HTTP_PROXY: 'https://one' }, 'one:443'],
    ['http://a.test/', { HTTP_PROXY: 'http://[::1]:8080' }, '[::1]:8080'],
    ['http://a.test/', { NO_PROXY: '*' }, null],
    ['http://localhost/', { HTTP_PROXY: 'one:1' }, 'one:1'],
    ['no url', { HTTP_PROXY: 'one:1' }, null],
  ])('%s under %o: %s', (url, env, expected) => {
    expect(shown(env, url)).toBe(expected);
  });

  test('nothing set, or nothing but exceptions: no proxy is ever looked for', () => {
    expect([proxySettings(undefined, {}), proxySettings(undefined, { NO_PROXY: 'x', HTTP_PROXY: '' })]).toEqual([
      null,
      null,
    ]);
    expect(proxySettings(false, { HTTP_PROXY: PROXY })).toBeNull();
  });

  test('an option wins over the environment, and has no exceptions', () => {
    const proxyFor = proxySettings('http://own:1', { HTTP_PROXY: PROXY, NO_PROXY: '*' });
    expect(proxyFor?.('https://a.test/')?.shown).toBe('own:1');
  });
});

describe('what NO_PROXY exempts', () => {
  test.each([
    [
      'a.test',
      ['http://a.test/', 'https://a.test:8443/', 'wss://B.A.TEST', 'http://a.test./'],
      ['http://ba.test/', 'http://a.test.com/'],
    ],
    ['.a.test', ['http://a.test/', 'http://b.a.test/'], ['http://ba.test/']],
    ['*.a.test', ['http://b.a.test/'], ['http://ba.test/']],
    ['x, a.test:8443', ['https://a.test:8443/'], ['https://a.test/']],
    ['a.test:443 b.test', ['https://a.test/', 'wss://a.test/', 'http://b.test/'], ['http://a.test/']],
    ['*', ['http://a.test/', 'http://127.0.0.1/'], []],
    ['localhost,127.0.0.1', ['http://localhost:9944/', 'ws://127.0.0.1:1/'], ['http://127.0.0.2/', 'http://[::1]/']],
    ['::1', ['ws://[::1]:9944/'], ['ws://[::2]/']],
    ['[::1]:80', ['http://[0:0::1]/'], ['https://[::1]/']],
    [
      '10.0.0.0/8,fd00::/8',
      ['http://10.1.2.3/', 'http://[fd12::1]/'],
      ['http://11.0.0.1/', 'http://[fe80::1]/', 'http://10.test/'],
    ],
    ['10.0.0.0/99 / : [ . :80', [], ['http://10.0.0.1/', 'http://a.test/']],
    ['0.0.1', [], ['http://127.0.0.1/']],
  ])('%s', (list, exempt, proxied) => {
    const env = { HTTP_PROXY: PROXY, HTTPS_PROXY: PROXY, NO_PROXY: list };
    expect(exempt.filter((url) => shown(env, url) !== null)).toEqual([]);
    expect(proxied.filter((url) => shown(env, url) === null)).toEqual([]);
  });
});

describe('a value that names no proxy is one sentence that quotes nothing of it', () => {
  test.each([
    ['socks5://ann:hunter2@proxy:1080', 'HTTP_PROXY names a socks5 proxy, and only HTTP proxies can be used.'],
    ['http://ann:hun#ter2@proxy:1', 'HTTP_PROXY is not the address of a proxy.'],
    ['http://ann:1/hunter2@proxy:1', 'HTTP_PROXY is not the address of a proxy.'],
    ['ann:1?hunter2@proxy:1', 'HTTP_PROXY is not the address of a proxy.'],
    ['hunter2 hunter2', 'HTTP_PROXY is not the address of a proxy.'],
    ['http://ann:hunter2%@proxy:1', 'the user name or password in HTTP_PROXY is not percent-encoded as in a URL.'],
    ['hunter2://proxy', 'HTTP_PROXY is not the address of a proxy.'],
  ])('%s', (value, sentence) => {
    const looking = () => shown({ HTTP_PROXY: value }, 'http://a.test/');
    expect(looking).toThrow(
      expect.objectContaining({ code: 'bad-argument', message: expect.stringContaining(sentence) }),
    );
    expect(looking).not.toThrow(/hun|ter2/);
    // What is not needed is not complained of.
    expect(shown({ HTTP_PROXY: value, HTTPS_PROXY: PROXY }, 'https://a.test/')).toBe('proxy:3128');
  });
});

test('user name and password are sent decoded, and kept out of what is shown', () => {
  const proxy = proxySettings('http://ann:p%40ss%3a@proxy:1')!('http://a.test/')!;
  expect(Buffer.from(proxy.authorization!.slice('Basic '.length), 'base64').toString()).toBe('ann:p@ss:');
  expect([proxy.origin, proxy.shown]).toEqual(['http://proxy:1', 'proxy:1']);
  expect(proxySettings('http://ann@proxy:1')!('http://a.test/')!.authorization).toBe(`Basic ${btoa('ann:')}`);
});
