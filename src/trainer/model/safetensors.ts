import { type FileHandle, open } from 'node:fs/promises';
import { z } from 'zod';
import { FlockOffError, messageOf } from '../../errors/flock-off-error.ts';
import { writeWhole } from '../../shared/incomplete-file.ts';

/** The float types that are read and their bytes per value; other tensors can be listed, not read. */
const FLOAT_BYTES: Record<string, number> = { F32: 4, BF16: 2, F16: 2 };
const DTYPE_BYTES: Record<string, number> = {
  ...FLOAT_BYTES,
  ...{ BOOL: 1, U8: 1, I8: 1, F8_E4M3: 1, F8_E5M2: 1, U16: 2, I16: 2, U32: 4, I32: 4, F64: 8, U64: 8, I64: 8 },
};
const MAX_HEADER_BYTES = 100_000_000;

const TensorEntry = z.object({
  dtype: z.string(),
  shape: z.array(z.int().nonnegative()),
  data_offsets: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
});
const Header = z.object({ __metadata__: z.record(z.string(), z.string()).optional() }).catchall(TensorEntry);

/** What the header says of one tensor. `offset` counts from the start of the file. */
export interface SafetensorsEntry {
  dtype: string;
  shape: number[];
  offset: number;
  bytes: number;
}

/** An open safetensors file; tensors are read one at a time. */
export interface SafetensorsFile {
  entries: Map<string, SafetensorsEntry>;
  metadata: Record<string, string>;
  /** The bytes of a tensor as stored. */
  readBytes(name: string): Promise<Uint8Array>;
  /** F32, BF16 and F16 tensors as float32 (exact). @throws FlockOffError `bad-model` for other types. */
  readFloats(name: string): Promise<Float32Array>;
  close(): Promise<void>;
}

/**
 * Opens a safetensors file and checks its header as the Rust reference does: no holes, overlaps, missing or trailing bytes.
 * @throws FlockOffError `bad-model` when it is missing or malformed.
 */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  const file = await open(path, 'r').catch((cause) => {
    throw new FlockOffError({
      code: 'bad-model',
      what: `the weights file ${path} cannot be opened`,
      fix: 'download the model again',
      facts: { path },
      cause,
    });
  });
  try {
    const { entries, metadata } = await readHeader(file, path);
    const find = (name: string) => {
      const entry = entries.get(name);
      if (!entry) throw badFile(path, `tensor ${name} is missing`);
      return entry;
    };
    const readBytes = async (name: string) => {
      const { offset, bytes } = find(name);
      return readExactly(file, path, offset, bytes);
    };
    return {
      entries,
      metadata,
      readBytes,
      readFloats: async (name) => toFloats(await readBytes(name), find(name).dtype, name, path),
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function readHeader(file: FileHandle, path: string) {
  const fileBytes = (await file.stat()).size;
  const prefix = await readExactly(file, path, 0, 8);
  const headerBytes = Number(new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true));
  if (headerBytes > MAX_HEADER_BYTES || 8 + headerBytes > fileBytes) {
    throw badFile(path, `a header of ${headerBytes} bytes does not fit`);
  }
  const text = new TextDecoder().decode(await readExactly(file, path, 8, headerBytes));
  const header = parseHeader(text, path);
  const { __metadata__: metadata = {}, ...tensors } = header;
  const entries = new Map<string, SafetensorsEntry>();
  let end = 0;
  const sorted = Object.entries(tensors as Record<string, z.infer<typeof TensorEntry>>).sort(
    ([, a], [, b]) => a.data_offsets[0] - b.data_offsets[0] || a.data_offsets[1] - b.data_offsets[1],
  );
  for (const [
    name,
    {
      dtype,
      shape,
      data_offsets: [from, to],
    },
  ] of sorted) {
    const valueBytes = DTYPE_BYTES[dtype];
    if (valueBytes === undefined) throw badFile(path, `tensor ${name} has the unknown type ${dtype}`);
    if (from !== end) throw badFile(path, `tensor ${name} starts at byte ${from}, expected ${end}`);
    const expectedBytes = shape.reduce((size, n) => size * n, valueBytes);
    if (to - from !== expectedBytes) {
      throw badFile(path, `tensor ${name} has ${to - from} bytes, its shape [${shape}] needs ${expectedBytes}`);
    }
    entries.set(name, { dtype, shape, offset: 8 + headerBytes + from, bytes: expectedBytes });
    end = to;
  }
  if (8 + headerBytes + end !== fileBytes) {
    throw badFile(path, `the file has ${fileBytes} bytes, its header describes ${8 + headerBytes + end}`);
  }
  return { entries, metadata };
}

function parseHeader(text: string, path: string): z.infer<typeof Header> {
  try {
    return Header.parse(JSON.parse(text));
  } catch (cause) {
    throw badFile(path, 'the header is not safetensors JSON', cause);
  }
}

async function readExactly(file: FileHandle, path: string, position: number, bytes: number): Promise<Uint8Array> {
  const buffer = new Uint8Array(bytes);
  let done = 0;
  while (done < bytes) {
    // One read call moves at most 2 GiB.
    const length = Math.min(bytes - done, 2 ** 30);
    const { bytesRead } = await file.read(buffer, done, length, position + done).catch((cause) => {
      throw new FlockOffError({
        code: 'disk',
        what: `the weights file ${path} cannot be read: ${messageOf(cause)}`,
        fix: 'check the disk and that it is a file',
        facts: { path },
        cause,
      });
    });
    if (bytesRead === 0) throw badFile(path, `the file ends at byte ${position + done}`);
    done += bytesRead;
  }
  return buffer;
}

function toFloats(bytes: Uint8Array, dtype: string, name: string, path: string): Float32Array {
  if (dtype === 'F32') return new Float32Array(bytes.buffer);
  if (dtype === 'BF16') return bfloat16ToFloats(new Uint16Array(bytes.buffer));
  if (dtype === 'F16') return Float32Array.from(new Uint16Array(bytes.buffer), float16ToNumber);
  throw badFile(path, `tensor ${name} has type ${dtype}, expected F32, BF16 or F16`);
}

function bfloat16ToFloats(halves: Uint16Array): Float32Array {
  const bits = new Uint32Array(halves.length);
  // biome-ignore lint/style/noNonNullAssertion: inside the array, and too often for a check
  for (let i = 0; i < halves.length; i++) bits[i] = halves[i]! << 16;
  return new Float32Array(bits.buffer);
}

function float16ToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

/** One tensor to be written; `read` is called when its turn comes, so that a large model need not be in memory. */
export interface TensorSource {
  shape: number[];
  read(): Float32Array | Promise<Float32Array>;
}

export interface WriteSafetensorsParameters {
  path: string;
  tensors: Map<string, TensorSource>;
  /** Stored type; BF16 rounds to nearest even. Default F32. */
  dtype?: 'F32' | 'BF16';
  metadata?: Record<string, string>;
}

/**
 * Writes a safetensors file as the reference writer does: tensors by name, header padded to 8 bytes. The file appears
 * under its name when it is complete.
 */
export async function writeSafetensors(options: WriteSafetensorsParameters): Promise<void> {
  const { path, tensors, dtype = 'F32', metadata = { format: 'pt' } } = options;
  const sorted = [...tensors].sort(([a], [b]) => (a < b ? -1 : 1));
  const header: Record<string, unknown> = { __metadata__: metadata };
  let end = 0;
  for (const [name, { shape }] of sorted) {
    const bytes = shape.reduce((size, n) => size * n, dtype === 'F32' ? 4 : 2);
    header[name] = { dtype, shape, data_offsets: [end, end + bytes] };
    end += bytes;
  }
  const json = Buffer.from(JSON.stringify(header));
  const padded = Buffer.alloc(Math.ceil(json.length / 8) * 8, ' ');
  json.copy(padded);
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(padded.length));

  await writeWhole(path, async (incomplete) => {
    const file = await open(incomplete, 'wx');
    try {
      await file.writeFile(Buffer.concat([prefix, padded]));
      for (const [, tensor] of sorted) {
        const data = await tensor.read();
        const stored = dtype === 'F32' ? data : floatsToBfloat16(data);
        await file.writeFile(new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength));
      }
      // A name that a power cut left without its content would be taken for the whole.
      await file.sync();
    } finally {
      await file.close();
    }
  });
}

/** True when every float32 or bfloat16 is a finite number. Looks at exponents alone: 1.3 ns a value. */
export function allFinite(values: Float32Array | Uint16Array): boolean {
  const wide = values instanceof Float32Array;
  const bits = wide ? new Uint32Array(values.buffer, values.byteOffset, values.length) : values;
  const exponent = wide ? 0x7f800000 : 0x7f80;
  // biome-ignore lint/style/noNonNullAssertion: inside the array, and too often for a check
  for (let i = 0; i < bits.length; i++) if ((bits[i]! & exponent) === exponent) return false;
  return true;
}

/** Rounded to the nearest bfloat16, ties to even. */
export function floatsToBfloat16(floats: Float32Array): Uint16Array {
  const bits = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  const halves = new Uint16Array(floats.length);
  for (let i = 0; i < bits.length; i++) {
    // biome-ignore lint/style/noNonNullAssertion: inside the array, and too often for a check
    const value = bits[i]!;
    const isNotANumber = (value & 0x7fffffff) > 0x7f800000;
    // Rounding could carry a NaN's payload into infinity: keep it, made quiet.
    halves[i] = isNotANumber ? (value >>> 16) | 0x40 : (value + 0x7fff + ((value >>> 16) & 1)) >>> 16;
  }
  return halves;
}

function badFile(path: string, reason: string, cause?: unknown): FlockOffError {
  return new FlockOffError({
    code: 'bad-model',
    what: `the weights file ${path} is damaged: ${reason}`,
    fix: 'download or copy it again',
    facts: { path, reason },
    cause,
  });
}
