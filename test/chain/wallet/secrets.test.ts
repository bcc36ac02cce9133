import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format, inspect } from 'node:util';
import { encodeAddress } from '@polkadot/util-crypto';
import { expect, test, vi } from 'vitest';
import { ChainMetadataStore } from '../../../src/chain/commitments/chain-metadata-store.ts';
import { WalletHotkey } from '../../../src/chain/wallet/hotkey.ts';
import { encodeWalletPassword } from '../../../src/chain/wallet/password.ts';
import { WeightSetter } from '../../../src/chain/weights/weight-setter.ts';
import { LocalChain } from '../../../src/local/chain/local-chain.ts';
import { ValidatorState } from '../../../src/validator/state.ts';
import { closeLater, connect, NETUID, rememberingLogger } from '../start-subnet.ts';
import { sealAnsibleVault } from './seal-ansible-vault.ts';
import { ALICE, openAs, PHRASE, SEED, VECTORS, walletPath, writeHotkey } from './wallet-folder.ts';

const { password } = VECTORS;
const hexBytes = (hex: string) => Buffer.from(hex.slice(2), 'hex');
/** Little-endian: the form that @polkadot signs with. */
const times8 = (secret: Buffer) => {
  const scalar = BigInt(`0x${Buffer.from(secret.subarray(0, 32)).reverse().toString('hex')}`) * 8n;
  return Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex').reverse();
};
const devPrivate = hexBytes(VECTORS.keyFiles['sr25519 phrase'].privateKey);
const alicePrivate = hexBytes(ALICE.privateKey);
const SECRET_BYTES = [
  hexBytes(SEED),
  hexBytes(VECTORS.keyFiles['ed25519 uri //Alice'].privateKey),
  ...[devPrivate, alicePrivate].flatMap((key) => [key, times8(key)]),
];
const SHINGLE_BYTES = 5;

/** Every way in which a few bytes of a secret, or two words of the phrase, may be shown. */
const TRACES = new Set([
  password,
  encodeAddress(SEED, 42),
  ...PHRASE.split(' ').map((word, i, words) => `${word} ${words[i + 1] ?? words[i - 1]}`),
  ...['bottom', 'obey', 'curtain', 'lonely'],
  ...SECRET_BYTES.flatMap((secret) =>
    Array.from({ length: secret.length - SHINGLE_BYTES + 1 }, (_, at) => {
      const bytes = secret.subarray(at, at + SHINGLE_BYTES);
      const hex = bytes.toString('hex');
      return [
        hex,
        hex.replace(/..(?!$)/g, '$& '),
        [...bytes].join(','),
        [...bytes].join(', '),
        bytes.toString('latin1'),
      ];
    }).flat(),
  ),
  ...SECRET_BYTES.flatMap((secret) => [0, 1, 2].map((at) => secret.subarray(at, at + 12).toString('base64'))),
]);

function tracesIn(text: string): string[] {
  const lower = text.toLowerCase();
  return [...TRACES].filter((trace) => text.includes(trace) || lower.includes(trace));
}

/** All that a program may do to show a value, an error with its causes included. */
function shown(value: unknown): string {
  const own = Object.getOwnPropertyNames(Object(value)).map((name) => (value as Record<string, unknown>)[name]);
  const options = { depth: 20, showHidden: true, getters: true, maxArrayLength: null, maxStringLength: null };
  return [
    inspect(value, options),
    inspect(value, { customInspect: false }),
    String(value),
    format('%s %o %j', value, value, value),
  ]
    .concat(own.flatMap((part) => [String(part), inspect(part, options), JSON.stringify(part) ?? '']))
    .concat(JSON.stringify(value, Object.getOwnPropertyNames(Object(value))) ?? '', JSON.stringify(value) ?? '')
    .join('\n');
}

test('the search finds a secret in each form', () => {
  const secret = hexBytes(SEED);
  const forms = [
    secret.toString('hex'),
    SEED.toUpperCase(),
    inspect(secret),
    inspect(Uint8Array.from(secret)),
    JSON.stringify(secret),
  ];
  for (const form of [...forms, secret.toString('base64'), secret.toString('latin1'), PHRASE, password])
    expect(tracesIn(`x${form}x`), form).not.toEqual([]);
  expect(() => JSON.parse(`{"secretPhrase": ${PHRASE}}`)).toThrow(/bottom/); // V8 quotes what it cannot read.
  const tells = new Error('x', { cause: new Error(PHRASE) });
  expect(tracesIn(shown(tells))).not.toEqual([]);
  expect(tracesIn(shown({ sign() {}, key: secret }))).not.toEqual([]);
});

const plain: Record<string, unknown> = {
  'a phrase': { secretPhrase: PHRASE },
  'a seed': { secretSeed: SEED },
  'a private key': { privateKey: ALICE.privateKey, publicKey: ALICE.publicKey },
  'a file of the wallet': VECTORS.keyFiles['sr25519 phrase'],
  'an ed25519 file': VECTORS.keyFiles['ed25519 uri //Alice'],
  'the seed of another': { secretSeed: SEED, ss58Address: ALICE.ss58Address },
  'a private key beyond the order': { privateKey: `0x${'ff'.repeat(24)}${SEED.slice(2)}${'11'.repeat(8)}` },
  'a wrong phrase': { secretPhrase: `${PHRASE} walk` },
  'a phrase in the wrong place': { secretSeed: PHRASE },
  'a seed as address': { ss58Address: SEED.slice(2) },
  'a seed as public key': { secretPhrase: PHRASE, publicKey: SEED },
  'a seed that is too short': { secretSeed: SEED.slice(0, 50) },
  'a secret of the wrong type': { secretPhrase: [PHRASE], secretSeed: { [SEED]: 1 } },
  'an unknown crypto type': { cryptoType: 9, secretSeed: SEED },
  'JSON without quotes': `{"secretPhrase": ${PHRASE}}`,
  'JSON cut off in the secret': `{"secretSeed": "${SEED.slice(0, 40)}`,
  'JSON cut off after the secret': `{"secretPhrase": "${PHRASE}"`,
  'JSON followed by the secret': `{} ${PHRASE}`,
  'a phrase without JSON': PHRASE,
  'a seed without JSON': SEED,
  'a seed without JSON and 0x': SEED.slice(2),
  'a phrase with a path': { secretPhrase: `${PHRASE}//hot` },
  'a phrase with a path, without JSON': `${PHRASE}//hot`,
  'a phrase with a wrong word, in capitals': { secretPhrase: `${PHRASE} WALK`.toUpperCase() },
  'a quoted phrase': JSON.stringify(PHRASE),
  'a list of words': PHRASE.split(' '),
  'numbers of a key': [...hexBytes(SEED)],
  'what subkey prints': `Secret phrase:  ${PHRASE}\n  Secret seed:  ${SEED}\n`,
  "another wallet's JSON": { mnemonic: PHRASE, seed: SEED },
  'an export of polkadot.js': { encoded: SEED, encoding: { content: [PHRASE] }, address: SEED },
};
const text = (content: unknown) => (typeof content === 'string' ? content : JSON.stringify(content));
const kinds: [string, unknown, string?][] = [
  ...Object.entries(plain),
  ...Object.entries(plain).map(([kind, content]): [string, unknown, string] => [
    `${kind}, encrypted`,
    sealAnsibleVault(text(content), password),
    password,
  ]),
  [
    'an encrypted file and the password with a letter more',
    sealAnsibleVault(text({ secretSeed: SEED }), password),
    `${password}x`,
  ],
  ['a Fernet token, damaged', VECTORS.fernet.slice(0, -1), password],
  ['a NaCl box, cut off', Buffer.from(VECTORS.nacl, 'base64').subarray(0, 40), password],
];

test.each(kinds)('%s: no output tells the secret or the password', async (_, content, given) => {
  const written: unknown[] = [];
  for (const stream of [process.stdout, process.stderr])
    vi.spyOn(stream, 'write').mockImplementation((chunk) => written.push(chunk) > 0);
  const logger = rememberingLogger();
  let result: unknown;
  try {
    await writeHotkey(content, 0o644); // So that it is warned of.
    result = await WalletHotkey.open({ path: walletPath(), password: given, logger }).catch((error: unknown) => error);
  } finally {
    vi.restoreAllMocks();
  }
  expect(tracesIn(shown(result))).toEqual([]);
  expect(tracesIn(logger.lines.join('\n'))).toEqual([]);
  expect(tracesIn(written.map(String).join('\n'))).toEqual([]);
});

test("a signer's own functions do not show what they sign with", async () => {
  const signer = await openAs({ secretSeed: SEED });
  expect(Object.keys(signer)).toEqual(['address', 'publicKey', 'sign']);
  expect(tracesIn(String(signer.sign))).toEqual([]);
  expect(tracesIn(shown(structuredClone({ address: signer.address, publicKey: signer.publicKey })))).toEqual([]);
});

test('the state folder, the chain and the log of a validator that committed weights and a pointer tell nothing', async () => {
  const hotkey = await openAs(sealAnsibleVault(text({ secretPhrase: PHRASE }), password), { password });
  const chain = closeLater(
    await LocalChain.open({
      blockTimeMs: 250,
      subnets: [
        {
          netuid: NETUID,
          neurons: [{ hotkey: hotkey.address, validatorPermit: true, stake: 1_000 }],
          weightsRateLimit: 1,
          commitRevealEnabled: true,
        },
      ],
    }),
  );
  const logger = rememberingLogger();
  const subtensor = await connect(chain.url, { timeoutMs: 25_000, logger });
  const folder = join(walletPath(), 'state');
  const state = await ValidatorState.open({ path: folder });
  const { pendingReveals } = state;
  const setter = new WeightSetter({ subtensor, netuid: NETUID, hotkey, pendingReveals, hide: 'hash', logger });
  const receipt = await setter.set({ weights: [{ uid: 0, weight: 1 }] });
  await new ChainMetadataStore({ subtensor, netuid: NETUID }).commit({
    repo: 'ann/chat',
    competition: '1',
    commit: 'a'.repeat(40),
    hotkey,
  });
  await state.close();
  const files = await readdir(folder);
  const stored = (await Promise.all(files.map((file) => readFile(join(folder, file), 'latin1')))).join('\n');
  expect(stored).toContain('reveal:');
  expect(tracesIn(stored)).toEqual([]);
  expect(tracesIn(logger.lines.join('\n') + shown(receipt) + shown(setter) + shown(subtensor))).toEqual([]);
  expect(tracesIn(encodeWalletPassword({ password, variable: 'BT_PW_X' }))).toEqual([]);
}, 60_000);
