/** The wire format of protocol buffers, as far as a TensorFlow graph needs it. Every function returns a field, encoded. */

const WIRE = { varint: 0, bytes: 2 } as const;

function varint(value: number | bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    const low = Number(rest & 127n);
    rest >>= 7n;
    bytes.push(rest > 0n ? low | 128 : low);
  } while (rest > 0n);
  return Uint8Array.from(bytes);
}

export function integerField(field: number, value: number | boolean): Uint8Array {
  return join([varint((field << 3) | WIRE.varint), varint(Number(value))]);
}

/** A string, bytes, or a message that is encoded already. */
export function bytesField(field: number, value: string | Uint8Array): Uint8Array {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  return join([varint((field << 3) | WIRE.bytes), varint(bytes.length), bytes]);
}

/** The fields of a message, one after the other. */
export function join(parts: Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}
