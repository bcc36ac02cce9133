/** float32 values rounded to bfloat16 (nearest, ties to even), two of them in each int32. An even count is needed. */
export function bfloat16Pairs(values: Float32Array): Int32Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const rounded = new Uint16Array(values.length);
  for (let i = 0; i < bits.length; i++) {
    const exact = bits[i]!;
    rounded[i] = (exact + 0x7fff + ((exact >>> 16) & 1)) >>> 16;
  }
  return new Int32Array(rounded.buffer);
}
