import { open } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Line, LineSplitter } from '../../src/dataset/line-splitter.ts';
import { readChunks } from '../../src/dataset/read-chunks.ts';
import { tempFolder } from './temp-folder.ts';

const { fileOf, pathOf } = tempFolder();

async function read(path: string, maxLineBytes = 1024, signal?: AbortSignal) {
  const splitter = new LineSplitter({ maxLineBytes });
  const lines: Line[] = [];
  const onChunk = (chunk: Uint8Array) => {
    for (const line of splitter.push(chunk)) lines.push(line);
  };
  const bytes = await readChunks({ path, maxBytes: 2 ** 40, onChunk, signal });
  lines.push(...splitter.end());
  return { lines, texts: lines.map(textOf), bytes };
}

const textOf = ({ bytes }: Line) => (bytes === null ? null : Buffer.from(bytes).toString());

describe('readChunks and LineSplitter', () => {
  it('numbers lines from 1; a newline at the end starts no further line', async () => {
    const { lines, texts } = await read(await fileOf('a\nb\n'));
    expect(texts).toEqual(['a', 'b']);
    expect(lines.map(({ number }) => number)).toEqual([1, 2]);
  });

  it('reads a last line without newline, empty lines between, and an empty file', async () => {
    expect((await read(await fileOf('a\n\nb'))).texts).toEqual(['a', '', 'b']);
    expect((await read(await fileOf('\n'))).texts).toEqual(['']);
    const empty = await read(await fileOf(''));
    expect(empty.texts).toEqual([]);
    expect(empty.bytes).toBe(0);
  });

  it('splits at newlines only: carriage returns and U+2028 stay in the line', async () => {
    expect((await read(await fileOf('a\r\nb\u2028c\u0085d\n'))).texts).toEqual(['a\r', 'b\u2028c\u0085d']);
  });

  it('puts lines and characters together that lie across chunks', async () => {
    const texts = ['x'.repeat(262_143), 'é'.repeat(200_000), '', 'y'.repeat(524_288), 'z'];
    const file = await read(await fileOf(texts.join('\n')), 2 ** 20);
    expect(file.texts.map((text) => text?.length)).toEqual(texts.map((text) => text.length));
    expect(file.texts).toEqual(texts);
  });

  it('counts every byte, also those of skipped lines', async () => {
    const content = `short\n${'l'.repeat(5000)}\nshort`;
    const { bytes, texts } = await read(await fileOf(content));
    expect(texts).toEqual(['short', null, 'short']);
    expect(bytes).toBe(content.length);
  });

  it('only counts lines beyond the most that are wanted, however the bytes come in pieces', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('', 'a\n', '\n', 'bb', '\n\n'), { maxLength: 12 }),
        fc.nat(8),
        (parts, maxLines) => {
          const splitter = new LineSplitter({ maxLineBytes: 10, maxLines });
          const numbers = parts.flatMap((part) => [...splitter.push(Buffer.from(part))].map(({ number }) => number));
          numbers.push(...[...splitter.end()].map(({ number }) => number));
          const lines = parts.join('').split('\n');
          if (lines.at(-1) === '') lines.pop();
          expect(splitter.lines).toBe(lines.length);
          expect(numbers).toEqual(lines.slice(0, maxLines).map((_, i) => i + 1));
        },
      ),
    );
  });

  it('reads nothing of a file that is too large, and no more than that of one that does not say its size', async () => {
    const path = await fileOf('a\n'.repeat(100));
    const chunks: Uint8Array[] = [];
    expect(await readChunks({ path, maxBytes: 199, onChunk: (chunk) => void chunks.push(chunk) })).toBe(200);
    expect(chunks).toEqual([]);
    if (process.platform !== 'linux') return;
    const endless = await readChunks({
      path: '/dev/zero',
      maxBytes: 2 ** 20,
      onChunk: (chunk) => void chunks.push(chunk),
    });
    expect(endless).toBeGreaterThan(2 ** 20);
    expect(chunks).toHaveLength(4);
  });

  it('takes a line of exactly the limit and skips one byte more', async () => {
    const path = await fileOf(`${'a'.repeat(10)}\n${'b'.repeat(11)}\n${'c'.repeat(11)}`);
    expect((await read(path, 10)).texts).toEqual(['a'.repeat(10), null, null]);
  });

  it('defect 14: does not buffer a line of 300 MB', async () => {
    const path = pathOf('long.jsonl');
    const file = await open(path, 'w');
    await file.write('first\n');
    await file.truncate(300 * 2 ** 20); // A hole in the file: zeros that take no disk.
    await file.close();
    const before = process.memoryUsage();
    let peakBytes = 0;
    const watch = setInterval(() => {
      const now = process.memoryUsage();
      peakBytes = Math.max(peakBytes, now.arrayBuffers - before.arrayBuffers + (now.heapUsed - before.heapUsed));
    }, 5);
    const { texts, bytes } = await read(path, 2 ** 20);
    clearInterval(watch);
    expect(texts).toEqual(['first', null]);
    expect(bytes).toBe(300 * 2 ** 20);
    expect(peakBytes).toBeLessThan(100 * 2 ** 20);
  });

  it('gives back what was written, whatever the bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 20 }), async (parts) => {
        const clean = parts.map((part) => part.filter((byte) => byte !== 0x0a));
        const path = await fileOf(Buffer.concat(clean.flatMap((part) => [part, Buffer.from('\n')])));
        const { lines } = await read(path);
        expect(lines.map(({ bytes }) => [...(bytes ?? [])])).toEqual(clean.map((part) => [...part]));
      }),
      { numRuns: 30 },
    );
  });

  it('throws `disk` for a missing file and for a folder', async () => {
    for (const path of [pathOf('missing.jsonl'), pathOf('.')])
      await expect(read(path)).rejects.toMatchObject({ name: 'FlockOffError', code: 'disk', facts: { path } });
  });

  it('stops with the reason of the signal, before or in the middle', async () => {
    const path = await fileOf('a\n'.repeat(400_000));
    await expect(read(path, 1024, AbortSignal.abort(new Error('stop')))).rejects.toThrow('stop');
    const controller = new AbortController();
    const onChunk = () => controller.abort(new Error('enough'));
    await expect(readChunks({ path, maxBytes: 2 ** 20, onChunk, signal: controller.signal })).rejects.toThrow('enough');
  });
});
