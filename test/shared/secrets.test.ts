import { inspect } from 'node:util';
import fc from 'fast-check';
import { Client } from 'undici';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { secretsOfProcess } from '../../src/shared/process-secrets.ts';
import { Secrets, secretsOfUrl } from '../../src/shared/secrets.ts';

/** All that a program can print of an error. */
const printed = (error: unknown) =>
  inspect(error, { depth: 20, showHidden: true }) + JSON.stringify(error) + String(error);

describe('mask', () => {
  test.each<[string, (secret: string) => string]>([
    ['as it is', (secret) => secret],
    ['in quotes', (secret) => `"${secret}" '${secret}'`],
    ['percent-encoded', (secret) => encodeURIComponent(secret)],
    [
      'percent-encoded with small digits',
      (secret) => encodeURIComponent(secret).replace(/%../g, (code) => code.toLowerCase()),
    ],
    ['as part of a URL', (secret) => `https://a.test/${encodeURI(secret)}`],
    ['in JSON', (secret) => JSON.stringify({ secret })],
    ['in base64', (secret) => Buffer.from(secret).toString('base64')],
    ['in base64 for URLs', (secret) => Buffer.from(secret).toString('base64url')],
    ['line by line', (secret) => secret.split(/[\r\n]+/).join(' | ')],
  ])('finds a secret written %s, and leaves the rest', (_, write) => {
    const character = fc.constantFrom(...'abzAZ019_-./+=:%&?"\\ @#é\u200b\n\r');
    const secret = fc
      .string({ unit: character, minLength: 8, maxLength: 40 })
      .filter((text) => text.trim().length >= 8);
    fc.assert(
      fc.property(secret, (value) => {
        const masked = new Secrets([value]).mask(`before ${write(value)} after`);
        expect(masked).toMatch(/^before .*after$/s);
        for (const line of value.split(/[\r\n]+/).map((text) => text.trim()))
          if (line.length >= 4 && !'before after https://a.test/ {"secret":"***"} |'.includes(line))
            expect(masked).not.toContain(line);
      }),
    );
  });

  test('takes nothing for a secret that is none, or too short to be one', () => {
    const text = 'nothing is secret here: abc';
    expect(new Secrets([undefined, null, '', 'abc', ' \n']).mask(text)).toBe(text);
    expect(new Secrets(['c.*', '[a-z]+', '....']).mask(text)).toBe(text);
  });

  test('masks each of several secrets, one inside another too', () => {
    expect(new Secrets(['hf_abcd', 'hf_abcdefgh']).mask('hf_abcdefgh, hf_abcd')).toBe('***, ***');
    expect(new Secrets(['hf_abcd']).mask('hf_abcdhf_abcd')).toBe('***');
  });

  test('masks pieces of 8 characters and more, for who quotes a text may cut it', () => {
    const secrets = new Secrets(['hf_0123456789abcdef']);
    expect(secrets.mask('"hf_01234"... "56789abcd" 89ABCDEF')).toBe('"***"... "***" ***');
    expect(secrets.mask('0123456, cdef')).toBe('0123456, cdef');
  });
});

describe('secretsOfUrl', () => {
  test.each([
    ['wss://ann:p%40ssword@node.test:443', ['p%40ssword', 'p@ssword', 'YW5uOnBAc3N3b3Jk']],
    ['wss://node.test/v1/0f9Xk2', ['0f9Xk2']],
    ['wss://node.test/ws?apikey=abcdefghijklmnop', ['abcdefghijklmnop']],
    ['https://4ccesskey@node.test', ['4ccesskey']],
    ['ann:p/ss#word@node.test:99999', ['ann:p/ss#word', 'p/ss#word']],
    ['http:// ann:p ssword@node.test', ['p ssword']],
  ])('of %s are known, parsed or not', (url, shown) => {
    const secrets = new Secrets(secretsOfUrl(url));
    for (const text of shown) expect(secrets.mask(`<${text}>`)).toBe('<***>');
  });

  test.each([
    'wss://node.test:443',
    'wss://node.test/ws',
    'wss://bittensor.node.test/rpc/v1?network=test',
    'finney',
    '',
  ])('of %j are none: names that stand in many addresses are no keys', (url) => {
    expect(secretsOfUrl(url)).toEqual([]);
  });
});

test('what a process was given is known by the names of its variables and by the look of its flags', () => {
  const env = {
    HF_TOKEN: '"hf_token1"',
    BT_PW__HOME_ANN: 'encoded2',
    HTTPS_PROXY: 'ann:passw3rd@proxy.test:8080',
    PIP_EXTRA_INDEX_URL: 'https://a.test/simple https://bob:passw4rd@b.test/simple',
    BT_SUBTENSOR_CHAIN_ENDPOINT: 'wss://a.test/v1/KEYKEY5,wss://b.test/v1/KEYKEY6',
    HOME: '/home/passw9rd',
  };
  const argv = [
    'node',
    '/srv/SCRIPT9/miner.ts',
    '--subtensor.chain_endpoint',
    'wss://eve:passw7rd@c.test',
    '--x=ws://d/KEYKEY8',
  ];
  const secrets = new Secrets(secretsOfProcess({ env, argv }));
  for (const text of 'hf_token1 encoded2 passw3rd passw4rd KEYKEY5 KEYKEY6 passw7rd KEYKEY8'.split(' '))
    expect(secrets.mask(`<${text}>`)).toBe('<***>');
  for (const text of ['/home/passw9rd', '/srv/SCRIPT9/miner.ts', 'https://a.test/simple'])
    expect(secrets.mask(text)).toBe(text);
});

describe('maskIn', () => {
  const SECRETS = ['hf_XyZzY\nXyZzY1', 'hf_XyZzY1 ', '"hf_XyZzY1"', 'hf_XyZzY1\u200b', 'XyZzY1/%40XyZzY'];
  const attempts: Record<string, (secret: string) => unknown> = {
    'a header that fetch refuses': (secret) =>
      fetch('http://127.0.0.1:9/', { headers: { authorization: `Bearer ${secret}\n\0` } }),
    'a URL that fetch cannot parse': (secret) => fetch(`http://ann:${secret}@:port/`),
    'a URL that Node cannot parse': (secret) => new URL(`http://[${secret}`),
    'a WebSocket without a URL': (secret) => new WebSocket(`w s://ann:${secret}@127.0.0.1`),
    'a WebSocket with a fragment': (secret) => new WebSocket(`ws://127.0.0.1:9/#${encodeURIComponent(secret)}`),
    'a host that undici cannot find': (secret) =>
      new Client('http://nobody.invalid').request({ method: 'GET', path: `/${encodeURIComponent(secret)}` }),
    'a path that undici refuses': (secret) =>
      new Client('http://127.0.0.1:9').request({ method: 'GET', path: `/${secret} \n` }),
    'an answer that is no JSON': (secret) => new Response(`${secret}<html>`).json(),
    'a long answer that is no JSON': (secret) => new Response(`{"a": "${'.'.repeat(50)}", ${secret}`).json(),
    'several at once': (secret) =>
      Promise.any([Promise.reject(new Error(`no ${secret}`)), Promise.reject(new Error(secret))]),
    'one inside another': (secret) => {
      throw new Error('outer', { cause: new TypeError(secret, { cause: { options: { headers: [secret] }, secret } }) });
    },
  };

  test.each(Object.keys(attempts))('leaves no secret in what %s throws', async (name) => {
    for (const secret of SECRETS) {
      const error = await Promise.resolve()
        .then(() => attempts[name]?.(secret))
        .catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(Error);
      const kind = Object.getPrototypeOf(error);
      const masked = new Secrets([secret]).maskIn(error);
      expect(masked).toBe(error);
      expect(Object.getPrototypeOf(masked)).toBe(kind);
      expect(printed(masked)).not.toMatch(/XyZzY/i);
    }
  });

  test('copies what an error carries where it has to be masked, for it may be in use', () => {
    const options = { headers: { authorization: 'hf_secret' }, retries: 3 };
    const error = Object.assign(new Error('refused'), { options, same: options });
    new Secrets(['hf_secret']).maskIn(error);
    expect(error.options).toEqual({ headers: { authorization: '***' }, retries: 3 });
    expect(error.same).toEqual(error.options);
    expect(options.headers.authorization).toBe('hf_secret');
  });

  test('ends on what contains itself, and leaves what holds no secret as it is', () => {
    const facts: Record<string, unknown> = { list: ['a', { b: 'hf_secret' }] };
    facts.self = facts;
    const error = new Error('hf_secret', { cause: facts });
    error.cause = error;
    expect(new Secrets(['hf_secret']).maskIn(error).message).toBe('***');
    const clean = { list: [1, 'two'] };
    expect(new Secrets(['hf_secret']).maskIn(clean)).toBe(clean);
  });
});
