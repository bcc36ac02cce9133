/** Dataset files that nobody sends in good faith, made from a seed: small ones, thousands of which take minutes. */

import { gzipSync } from 'node:zlib';
import { createRandom, type Random } from './random.ts';

export interface HostileFile {
  kind: string;
  content: Buffer;
}

type Make = (random: Random) => string | Buffer;

const turn = (role: unknown, content: unknown) => ({ role, content });
const row = (question: string, answer: string) => ({
  conversations: [turn('user', question), turn('assistant', answer)],
});
const text = (random: Random, most: number): string => {
  const alphabet = random.pick(ALPHABETS);
  return Array.from({ length: 1 + random.below(most) }, () => random.pick(alphabet)).join('');
};

/** What texts are made of, by what reads them wrong or slowly. */
const ALPHABETS: string[][] = [
  [...'abcdefgh ijklmnop'],
  ['\u0301', '\u0316', '\u0345', 'a'],
  ['\u200b', '\u200d', '\ufeff', '\u00ad', '\u2060'],
  ['\ufdfa', '\u3300', '\uac01', '\u1e9b\u0323'],
  ['\ud800', '\udc00', 'x', '\u{1f468}'],
  [' ', '\u00a0', '\u3000', '\u0085', '\t', '\u2028'],
  ['"', '\\', '/', '\b', '\u0000', '\u001b'],
  ['<|im_start|>', '<|im_end|>', '<|endoftext|>', 'user\n'],
  [...'0123456789.,eE+-'],
  ['{', '}', '[', ']', ':', ',', '"'],
  ['__proto__', 'constructor', 'toString', 'null', 'NaN'],
];

const goodLine = (random: Random) => JSON.stringify(row(text(random, 60), `${text(random, 300)}.`));
const goodLines = (random: Random, most = 30) =>
  Array.from({ length: 2 + random.below(most) }, () => `${goodLine(random)}\n`).join('');
const nested = (open: string, inside: string, close: string, depth: number) =>
  open.repeat(depth) + inside + close.repeat(depth);

/** Any JSON value, seldom a sensible one. */
function value(random: Random, depth = 0): unknown {
  const leaf: (() => unknown)[] = [
    () => text(random, 40),
    () => random.pick([0, -0, 1e308, -1, 1e-320, 2 ** 53]),
    () => random.pick([null, true, false, '', [], {}]),
  ];
  const inner: (() => unknown)[] = [
    () => Array.from({ length: random.below(5) }, () => value(random, depth + 1)),
    () =>
      Object.fromEntries(Array.from({ length: random.below(5) }, () => [random.pick(KEYS), value(random, depth + 1)])),
    () => row(text(random, 20), text(random, 20)),
  ];
  return random.pick(depth < 4 ? [...leaf, ...inner] : leaf)();
}

const KEYS = [
  'conversations',
  'system',
  'role',
  'content',
  'messages',
  'from',
  'value',
  'data',
  '__proto__',
  'constructor',
  'toString',
  '0',
  '',
];

const KINDS: Record<string, Make> = {
  'good rows': (random) => goodLines(random),
  'random bytes': (random) => random.bytes(random.below(50_000)),
  'random JSON values': (random) =>
    Array.from({ length: random.below(60) }, () => `${JSON.stringify(value(random))}\n`).join(''),
  'a value in the place of each part': (random) => {
    const chat: Record<string, unknown> = { ...row('a', 'b'), system: 'c' };
    const place = random.pick(['system', 'conversations', 'turn', 'role', 'content']);
    if (place === 'system' || place === 'conversations') chat[place] = value(random);
    else if (place === 'turn') chat.conversations = [turn('user', 'a'), value(random)];
    else chat.conversations = [turn('user', 'a'), { ...turn('assistant', 'b'), [place]: value(random) }];
    return `${goodLines(random, 3)}${JSON.stringify(chat)}\n`;
  },
  'lists of one thing': (random) => {
    const unit = random.pick([
      '0',
      '{}',
      '[]',
      '""',
      'null',
      '{"role":0}',
      '{"role":"user","content":"a"}',
      '{"a":1,"a":2}',
      '-0',
      '1e999',
    ]);
    const before = random.pick(['[', '{"conversations":[', '{"system":0,"conversations":[', '{"data":[', '{"x":[']);
    const after = random.pick([']', ']}', `],${JSON.stringify(row('a', 'b')).slice(1)}`, '']);
    return `${before}${new Array(1 + random.below(40_000)).fill(unit).join(',')}${after}\n`.repeat(1 + random.below(3));
  },
  'things in things': (random) => {
    const [open, close] = random.pick([
      ['[', ']'],
      ['{"a":', '}'],
      ['{"data":[', ']}'],
      ['[{"rows":', '}]'],
      ['{"conversations":[', ']}'],
    ] as const);
    const inside = nested(open, random.pick(['0', '', '"x"']), close, random.below(60_000));
    return random.pick([
      `${inside}\n`,
      `{"x":${inside},${JSON.stringify(row('a', 'b')).slice(1)}\n`,
      `{"conversations":[{"role":${inside}}]}\n`,
    ]);
  },
  'many keys': (random) => {
    const prefix = random.pick(['', 'k', '\\u0061', '_'.repeat(30)]);
    const keys = Array.from(
      { length: random.below(20_000) },
      (_, i) => `"${prefix}${random.below(2) ? i : i * 4_294_967}":0`,
    );
    return `{${keys.join(',')}${keys.length > 0 ? ',' : ''}${JSON.stringify(row('a', 'b')).slice(1)}\n`;
  },
  'a key twice': (random) => {
    const key = random.pick(['conversations', 'role', 'system', '__proto__', '\\u0063onversations', 'x']);
    return `${goodLines(random, 3)}{"${key}":${JSON.stringify(value(random))},"${key}":0,${JSON.stringify(row('a', 'b')).slice(1)}\n`;
  },
  'huge numbers': (random) =>
    `{"x":${random.pick(['-', ''])}${'9'.repeat(1 + random.below(90_000))}e${random.below(2) ? '-' : ''}${'9'.repeat(random.below(900))}${random.pick([',', ''])}"y":1}\n`,
  'a text of one alphabet': (random) =>
    `${goodLine(random)}\n${JSON.stringify(row('u', `a${text(random, 200_000)}`))}\n`,
  'one mark many times': (random) =>
    `${goodLine(random)}\n${JSON.stringify(row('u', `a${random.pick(ALPHABETS).slice(0, 2).join('').repeat(random.below(50_000))}`))}\n`,
  'many turns': (random) =>
    `${goodLine(random)}\n${JSON.stringify({ conversations: Array.from({ length: random.below(4000) }, (_, i) => turn(i % 2 ? 'assistant' : 'user', 'x')) })}\n`,
  'many lines': (random) =>
    random.pick(['\n', '{}\n', 'x\n', '\r\n', `${goodLine(random)}\n`]).repeat(random.below(25_000)),
  'broken JSON': (random) =>
    `${goodLines(random, 4)}${goodLine(random).slice(0, -1 - random.below(20))}${random.pick(['', '\u00a0'.repeat(30_000), ',,', '\\u', 'é'.repeat(20_000)])}\n`,
  'white space around': (random) => {
    const space = random.pick([' ', '\u00a0', '\u2003', '\t', '\r', '\u3000', '\ufeff']).repeat(random.below(60_000));
    return random.pick([
      `${space}${goodLine(random)}\n`,
      `${goodLine(random)}${space}\n`,
      `${goodLine(random)},${space}\n`,
      `{}${space}{}\n`,
    ]);
  },
  'other encodings': (random) => Buffer.from(goodLines(random), random.pick(['utf16le', 'latin1'] as const)),
  'other formats': (random) =>
    random.pick([
      () => gzipSync(Buffer.alloc(random.below(5_000_000))),
      () => `[${goodLines(random).trim().split('\n').join(',')}]`,
      () => `\ufeff${goodLines(random)}`,
      () => `question,answer\n${'1,2\n'.repeat(random.below(20_000))}`,
      () =>
        `${random.pick(['PAR1', 'PK\x03\x04', '%PDF-', '<?xml ', '<!doctype html>', 'BZh9', 'version https://git-lfs'])}${text(random, 5000)}`,
      () => JSON.stringify({ data: Array.from({ length: random.below(500) }, () => row('a', 'b')) }, null, 2),
    ])(),
  'zero bytes': (random) =>
    Buffer.concat([Buffer.from(random.below(2) ? goodLines(random) : ''), Buffer.alloc(random.below(200_000))]),
};

/** A few bytes of a good file changed, left out, doubled or put elsewhere. */
function mutated(content: Buffer, random: Random): Buffer {
  let bytes = Buffer.from(content);
  for (let left = 1 + random.below(8); left > 0 && bytes.length > 0; left--) {
    const at = random.below(bytes.length);
    const part = bytes.subarray(at, at + 1 + random.below(200));
    const kind = random.below(5);
    if (kind === 0) bytes[at] = random.below(256);
    else if (kind === 1) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + part.length)]);
    else if (kind === 2) bytes = Buffer.concat([bytes.subarray(0, at), part, bytes.subarray(at)]);
    else if (kind === 3)
      bytes = Buffer.concat([bytes.subarray(0, at), random.bytes(1 + random.below(6)), bytes.subarray(at)]);
    else bytes = Buffer.concat([bytes.subarray(at), bytes.subarray(0, at)]);
  }
  return bytes;
}

/** The file of a seed. A third of them is mutated. */
export function hostileFile(seed: number): HostileFile {
  const random = createRandom(seed);
  const [kind, make] = random.pick(Object.entries(KINDS));
  const content = Buffer.from(make(random) as string);
  return random.below(3) === 0 ? { kind: `${kind}, mutated`, content: mutated(content, random) } : { kind, content };
}
