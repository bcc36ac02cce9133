/** Files as large as is allowed, of what is dear to read: name, and the piece that is repeated to make one. */

import { randomBytes } from 'node:crypto';
import { rowLine } from '../temp-folder.ts';

const MIB = 2 ** 20;
const good = rowLine('Hi', 'Hello');

/** A line of nearly `bytes`: an opening, as many units with commas between as fit, an end. */
function filled(open: string, unit: string, close: string, bytes = MIB): string {
  const room = bytes - Buffer.byteLength(open + close) - 1;
  const times = Math.floor(room / (Buffer.byteLength(unit) + 1));
  return `${open}${new Array(times).fill(unit).join(',')}${close}\n`;
}

const repeated = (unit: string, bytes = MIB) => unit.repeat(Math.floor(bytes / Buffer.byteLength(unit)));
const answer = (unit: string) => `${rowLine('u', repeated(unit, MIB - 200))}\n`;
const keys = () => {
  let text = '{';
  for (let i = 0; text.length < MIB - 100; i++) text += `"${i.toString(36)}":0,`;
  return `${text}"z_":0}\n`;
};

export const HEAVY_FILES: Record<string, () => string | Uint8Array> = {
  'one line of 256 MiB': () => Buffer.alloc(MIB, 0x61),
  'lines of 100 MiB': () => Buffer.concat([Buffer.alloc(100 * MIB, 0x61), Buffer.from('\n')]),
  'newlines only': () => Buffer.alloc(MIB, 0x0a),
  'zero bytes': () => Buffer.alloc(MIB),
  'random bytes': () => randomBytes(MIB),
  'short rows, a million too many': () => `${good}\n`,
  'broken JSON': () => `{"conversations": [${'é'.repeat(MIB / 2 - 100)}\n`,
  'numbers for turns': () => filled('{"conversations":[', '0', ']}'),
  'empty turns': () => filled('{"conversations":[', '{}', ']}'),
  'turns with a wrong role': () => filled('{"conversations":[', '{"role":0}', ']}'),
  'empty turns and a wrong system': () => filled('{"system":0,"conversations":[', '{}', ']}'),
  'a good chat of many turns': () =>
    filled('{"conversations":[', '{"role":"user","content":"a"},{"role":"assistant","content":"b"}', ']}'),
  'lists in lists': () => `${'['.repeat(MIB / 2 - 1)}${']'.repeat(MIB / 2 - 1)}\n`,
  'objects in objects': () => `${'{"a":'.repeat(170_000)}0${'}'.repeat(170_000)}\n`,
  'a good row with lists in lists': () => `{"x":${'['.repeat(450_000)}${']'.repeat(450_000)},${good.slice(1)}\n`,
  'a good row with a list of lists': () => filled('{"x":[', '[]', `],${good.slice(1)}`),
  'a good row with a list of objects': () => filled('{"x":[', '{"a":0}', `],${good.slice(1)}`),
  'wrappers in wrappers': () => `${'{"data":['.repeat(95_000)}${']}'.repeat(95_000)}\n`,
  'many keys': keys,
  'a key twice in many objects': () => filled('{"x":[', '{"a":0,"a":1}', ']}'),
  'huge numbers': () => filled('{"x":[', `1${'0'.repeat(300)}e-9999`, ']}'),
  'one huge number': () => `{"x":${repeated('9', MIB - 20)}}\n`,
  'escaped quotes': () => `{"a":"${'\\"'.repeat(MIB / 2 - 20)}"}\n`,
  'escaped characters': () => `${rowLine('u', 'x').replace('"x"', `"${repeated('\\u0041', MIB - 200)}"`)}\n`,
  'halves of surrogate pairs': () => `${rowLine('u', 'x').replace('"x"', `"${repeated('\\ud800', MIB - 200)}"`)}\n`,
  'spaces behind an object': () => `{}${repeated('\u00a0', MIB - 10)}\n`,
  'spaces in an answer': () => `${rowLine('u', `a${repeated(' ', MIB - 200)}`)}\n`,
  'blank answers': () => answer('\u3000'),
  'good rows of 13 kB': () => `${rowLine('x'.repeat(6500), 'y'.repeat(6600))}\n`,
  'good rows of 1 MiB': () => answer('lorem ipsum dolor sit amet '),
  'marks above and below': () => answer('\u0301\u0316'),
  'one mark': () => answer('\u0301'),
  'ligatures of 18 letters': () => answer('\ufdfa'),
  'Hangul syllables': () => answer('\uac01'),
  'invisible characters': () => answer('\u200b'),
  emoji: () => answer('\u{1f468}\u200d\u{1f469}'),
};
