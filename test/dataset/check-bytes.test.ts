import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkDataset } from '../../src/dataset/check.ts';
import { checkBytes, checkLine } from '../../src/dataset/check-bytes.ts';
import { LineSplitter } from '../../src/dataset/line-splitter.ts';
import { Competition } from '../../src/schema/competition.ts';
import { lines, rowLine, tempFolder } from './temp-folder.ts';

const { fileOf } = tempFolder();
const competition = Competition.parse({});
const utf8 = (text: string) => new TextEncoder().encode(text);

// check.test.ts and other-formats.test.ts give every one of their files to both checks.
describe('checkBytes', () => {
  it('judges a file of several pieces as checkDataset does, wherever lines and characters are cut', async () => {
    const content = lines(4_000, 'Wie heißt „日本“? '.repeat(25));
    const bytes = utf8(content);
    expect(bytes.length).toBeGreaterThan(4 * 1024 * 1024);
    const onDisk = await checkDataset({ path: await fileOf(content), competition });
    const inMemory = await checkBytes({ bytes, competition });
    // Deep comparison of so many rows takes seconds.
    expect(JSON.stringify(inMemory) === JSON.stringify(onDisk)).toBe(true);
    expect(onDisk.ok).toBe(true);
  });

  it('takes a part of a larger buffer for what it is', async () => {
    const around = utf8(`junk${lines(3)}junk`);
    expect(await checkBytes({ bytes: around.subarray(4, -4), competition })).toMatchObject({ ok: true });
  });

  it('stops when its signal aborts, before and between two pieces', async () => {
    const reason = new Error('the tab was closed');
    const bytes = utf8(lines(3));
    await expect(checkBytes({ bytes, competition, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    setImmediate(() => controller.abort(reason));
    const large = new Uint8Array(64 * 1024 * 1024).fill(0x20);
    await expect(checkBytes({ bytes: large, competition, signal: controller.signal })).rejects.toBe(reason);
  });

  it.each([
    ['string', 'text'],
    ['ArrayBuffer', new ArrayBuffer(4)],
    ['Uint16Array', new Uint16Array(2)],
    ['null', null],
    ['undefined', undefined],
  ])('says what to pass instead of a value of type %s', async (kind, bytes) => {
    await expect(checkBytes({ bytes: bytes as never, competition })).rejects.toMatchObject({
      code: 'bad-argument',
      facts: { name: 'bytes' },
      sentence: `bytes is ${kind}, expected a Uint8Array. Pass the bytes of the file, such as new Uint8Array(await file.arrayBuffer()).`,
    });
  });
});

describe('checkLine', () => {
  const problemOf = (line: string | Uint8Array, rules = competition) => {
    const checked = checkLine({ line, competition: rules });
    return checked.ok ? null : [checked.verdict.reason, checked.verdict.message];
  };

  it('gives the row of a good line, from text and from bytes, with and without a newline', () => {
    const line = rowLine('Wie heißt „日本“?');
    const value = JSON.parse(line);
    for (const given of [line, `${line}\n`, utf8(line), utf8(`${line}\n`), `${line}\r\n`])
      expect(checkLine({ line: given })).toEqual({ ok: true, value });
  });

  it.each([
    ['', 'empty line'],
    ['\n', 'empty line'],
    ['{"conversations": []}', 'conversations: conversations needs at least one user turn and one assistant turn'],
    [`${rowLine('a')}\n${rowLine('b')}`, 'several lines; each row needs one of its own'],
    [`${rowLine('a')}${rowLine('b')}`, 'several objects; each needs a line of its own'],
    [`\ufeff${rowLine('a')}`, 'starts with a byte-order mark; save the file as UTF-8 without BOM'],
    [Uint8Array.of(0xff), 'not valid UTF-8'],
    ["{'a': 1}", "Python's notation, not JSON; write it with json.dumps"],
  ])('says what is wrong with %j', (line, problem) => {
    expect(problemOf(line)).toEqual(['invalid-rows', problem]);
  });

  it('counts bytes, not characters, and not the newline', () => {
    const line = rowLine('é');
    const most = { ...competition, maxLineBytes: utf8(line).length };
    expect(problemOf(`${line}\n`, most)).toBeNull();
    const less = { ...most, maxLineBytes: most.maxLineBytes - 1 };
    expect(problemOf(line, less)).toEqual(['invalid-rows', `longer than ${less.maxLineBytes} bytes`]);
  });

  it('names no place of broken JSON twice, on any Node', () => {
    expect(problemOf('{')?.[1]).not.toContain('column');
    expect(problemOf('{')?.[1]).toMatch(/^not JSON \(.*position 1\)$/);
  });

  it('says what to pass instead of an object', () => {
    expect(() => checkLine({ line: {} as never })).toThrow('line is Object, expected a string or a Uint8Array.');
  });
});

it('LineSplitter gives the same lines however the bytes come in pieces', () => {
  const piece = fc.array(fc.constantFrom(0x0a, 0x0d, 0x61, 0xc3, 0xa9), { maxLength: 12 });
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), fc.integer({ min: 1, max: 6 }), (pieces, most) => {
      const splitter = new LineSplitter({ maxLineBytes: most });
      const seen = [...pieces.flatMap((bytes) => [...splitter.push(Uint8Array.from(bytes))]), ...splitter.end()];
      const whole = Buffer.from(pieces.flat()).toString('latin1').split('\n');
      if (whole.at(-1) === '') whole.pop();
      expect(seen).toEqual(
        whole.map((text, i) => ({
          number: i + 1,
          bytes: text.length > most ? null : Uint8Array.from(Buffer.from(text, 'latin1')),
        })),
      );
    }),
  );
});
