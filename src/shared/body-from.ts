/**
 * The bytes of a file from `offset` on, out of an answer to `Range: bytes=<offset>-`. A server that ignores the range
 * answers 200 with the whole file, whose first bytes are passed over; a 206 without Content-Range is taken for what was
 * asked. Who reads checks the hash of the whole.
 * @throws Error when the answer begins behind the offset.
 */
export async function* bodyFrom(response: Response, offset: number): AsyncGenerator<Uint8Array> {
  const first = firstByte(response, offset);
  if (first > offset) {
    await response.body?.cancel();
    throw new Error(`it answered with the bytes from ${first} on, asked for those from ${offset} on`);
  }
  let passOver = offset - first;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    const rest = chunk.subarray(Math.min(passOver, chunk.length));
    passOver -= chunk.length - rest.length;
    if (rest.length > 0) yield rest;
  }
}

function firstByte({ status, headers }: Response, asked: number): number {
  if (status !== 206) return 0;
  const range = /^bytes (\d+)-/.exec(headers.get('Content-Range') ?? '');
  return range ? Number(range[1]) : asked;
}
