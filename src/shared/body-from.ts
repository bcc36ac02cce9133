/** Bytes of a file that arrive, and which of the file they are. */
export interface ReceivedBytes {
  /** Where in the file the first of them belongs. */
  offset: number;
  /** Whether the response says so itself; a 206 without Content-Range is taken for what was asked. */
  isPlaced: boolean;
  /** Content-Length; `null` without one, and for a compressed body. */
  announced: number | null;
  bytes: AsyncIterable<Uint8Array>;
  /** Closes the connection without reading the body. */
  cancel(): Promise<void>;
}

/** Asks for a file from `offset` on, uncompressed: a range of a compressed body cannot be decompressed. */
export function headersFrom(offset: number): Record<string, string> {
  return { 'Accept-Encoding': 'identity', ...(offset > 0 && { Range: `bytes=${offset}-` }) };
}

/**
 * What an answer to `Range: bytes=<offset>-` brings: the file from there on, or from its beginning where the server
 * ignores ranges (200). A 206 without Content-Range is taken for what was asked; who reads checks the hash of the whole.
 * @throws Error when the answer begins behind the offset.
 */
export async function bodyFrom(response: Response, asked: number): Promise<ReceivedBytes> {
  const body = (response.body ?? []) as AsyncIterable<Uint8Array>;
  const cancel = async () => response.body?.cancel();
  const length = response.headers.get('Content-Encoding') ? null : response.headers.get('Content-Length');
  const announced = length === null ? null : Number(length);
  if (response.status !== 206) return { offset: 0, isPlaced: true, announced, bytes: body, cancel };
  const range = /^bytes (\d+)-/.exec(response.headers.get('Content-Range') ?? '');
  const first = range ? Number(range[1]) : asked;
  if (first <= asked)
    return { offset: asked, isPlaced: range !== null, announced, bytes: after(body, asked - first), cancel };
  await cancel();
  throw new Error(`it answered with the bytes from ${first} on, asked for those from ${asked} on`);
}

async function* after(body: AsyncIterable<Uint8Array>, passOver: number): AsyncGenerator<Uint8Array> {
  let left = passOver;
  for await (const chunk of body) {
    const rest = chunk.subarray(Math.min(left, chunk.length));
    left -= chunk.length - rest.length;
    if (rest.length > 0) yield rest;
  }
}
