import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openSafetensors, writeSafetensors } from '../../../src/trainer/model/safetensors.ts';
import { golden, temporaryFolder } from '../golden/golden.ts';

const folder = temporaryFolder();
const path = join(folder, 'file.safetensors');

async function roundTrip(data: Float32Array, dtype: 'F32' | 'BF16'): Promise<Float32Array> {
  await writeSafetensors({ path, tensors: new Map([['x', { shape: [data.length], read: () => data }]]), dtype });
  const file = await openSafetensors(path);
  try {
    return await file.readFloats('x');
  } finally {
    await file.close();
  }
}

/** A file of the given header and that many data bytes. */
async function openRaw(header: unknown, dataBytes: number | Buffer) {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(json.length));
  await writeFile(
    path,
    Buffer.concat([prefix, json, typeof dataBytes === 'number' ? Buffer.alloc(dataBytes) : dataBytes]),
  );
  return openSafetensors(path);
}

describe('writing and reading', () => {
  it('gives every float32 back', async () => {
    await fc.assert(
      fc.asyncProperty(fc.float32Array(), async (data) => {
        expect(await roundTrip(data, 'F32')).toEqual(data);
      }),
      { numRuns: 50 },
    );
  });

  it('rounds bfloat16 to the nearest, ties to even, and keeps NaN and infinity', async () => {
    const tie = 1 + 2 ** -8; // halfway between 1 and 1 + 2^-7
    const values = Float32Array.of(1, tie, 1 + 3 * 2 ** -8, -tie, Number.NaN, Number.POSITIVE_INFINITY, 3.4e38, -0);
    const seen = await roundTrip(values, 'BF16');
    expect([...seen]).toEqual([
      1,
      1,
      1 + 2 ** -6,
      -1,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.POSITIVE_INFINITY,
      -0,
    ]);
  });

  it('rounds every float32 by at most half a bfloat16 step', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.float32Array({ noNaN: true, noDefaultInfinity: true, min: -(2 ** 100), max: 2 ** 100 }),
        async (data) => {
          const seen = await roundTrip(data, 'BF16');
          data.forEach((value, i) => {
            expect(Math.abs(seen[i]! - value)).toBeLessThanOrEqual(Math.max(Math.abs(value) * 2 ** -8, 2 ** -133));
          });
        },
      ),
      { numRuns: 50 },
    );
  });

  it('orders and pads as the reference writer: a rewritten file is the same, byte for byte', async () => {
    const original = golden('lora', 'tiny-r4-nonzero', 'adapter_model.safetensors');
    const file = await openSafetensors(original);
    const tensors = new Map(
      [...file.entries].map(([name, { shape }]) => [name, { shape, read: () => file.readFloats(name) }]),
    );
    await writeSafetensors({ path, tensors, metadata: file.metadata });
    await file.close();
    expect(await readFile(path)).toEqual(await readFile(original));
  });

  it('leaves nothing behind when a tensor cannot be read', async () => {
    const failing = join(folder, 'failing.safetensors');
    const tensors = new Map([['x', { shape: [1], read: () => Promise.reject(new Error('gone')) }]]);
    await expect(writeSafetensors({ path: failing, tensors })).rejects.toThrow('gone');
    await expect(readFile(failing)).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(readFile(`${failing}.incomplete`)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('reads float16: normal, subnormal, infinite, NaN', async () => {
    const halves = Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x03ff, 0x7c00, 0x7e00, 0x7bff);
    const file = await openRaw({ x: { dtype: 'F16', shape: [7], data_offsets: [0, 14] } }, Buffer.from(halves.buffer));
    expect([...(await file.readFloats('x'))]).toEqual([
      1,
      -2,
      2 ** -24,
      1023 * 2 ** -24,
      Number.POSITIVE_INFINITY,
      Number.NaN,
      65504,
    ]);
    await file.close();
  });
});

describe('a damaged file is refused with the reason', () => {
  const x = (from: number, to: number, shape = [1], dtype = 'F32') => ({ dtype, shape, data_offsets: [from, to] });
  it.each([
    ['no JSON', '{"x"', 0, 'not safetensors JSON'],
    ['a hole', { x: x(4, 8) }, 8, 'starts at byte 4'],
    ['an overlap', { x: x(0, 4), y: x(2, 6) }, 6, 'starts at byte 2'],
    ['a wrong size', { x: x(0, 8) }, 8, 'has 8 bytes'],
    ['trailing bytes', { x: x(0, 4) }, 5, 'its header describes'],
    ['missing bytes', { x: x(0, 4) }, 3, 'its header describes'],
    ['an unknown type', { x: x(0, 4, [1], 'F31') }, 4, 'unknown type F31'],
    ['metadata that is no text', { __metadata__: { a: 1 } }, 0, 'not safetensors JSON'],
    ['a negative size', { x: x(0, 4, [-1]) }, 4, 'not safetensors JSON'],
  ])('%s', async (_what, header, dataBytes, reason) => {
    await expect(openRaw(header, dataBytes)).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringContaining(reason),
    });
  });

  it('a header longer than the file', async () => {
    await writeFile(path, Buffer.from([255, 255, 0, 0, 0, 0, 0, 0, 123]));
    await expect(openSafetensors(path)).rejects.toMatchObject({ code: 'bad-model' });
  });

  it('no file at all', async () => {
    await expect(openSafetensors(join(folder, 'none'))).rejects.toMatchObject({ code: 'bad-model' });
  });

  it('integers where floats are needed', async () => {
    const file = await openRaw({ x: { dtype: 'I64', shape: [1], data_offsets: [0, 8] } }, 8);
    await expect(file.readFloats('x')).rejects.toThrow('expected F32, BF16 or F16');
    await file.close();
  });
});
