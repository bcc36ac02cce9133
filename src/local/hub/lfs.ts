import { createHash } from 'node:crypto';
import { type HubContents, type HubRequest, readable, requireUser } from './hub-request.ts';
import { HubRefusal, sendJson } from './replies.ts';
import { lfsFile } from './repository.ts';

/** As many as S3 takes. */
const MOST_PARTS = 10_000;

/** LFS: a client asks where to put objects, puts them there, whole or in parts, and then commits their hashes. */

interface Pointer {
  oid?: string;
  size?: number;
}

/** What a pointer names. */
export function lfsObject(hub: HubContents, { oid = '', size }: Pointer): Buffer {
  const content = hub.lfsObjects.get(oid);
  if (!content) throw new HubRefusal(400, `LFS object ${oid} was not uploaded`);
  if (size !== undefined && size !== content.length)
    throw new HubRefusal(400, `LFS object ${oid} has ${content.length} bytes, and its pointer says ${size}`);
  return content;
}

export function lfsBatch(request: HubRequest, id: string): void {
  const { hub, response, body, origin } = request;
  // An upload alone changes nothing: whoever can read the repository may open a pull request with it.
  readable(request, id);
  requireUser(request.user);
  const { objects, transfers = ['basic'] } = JSON.parse(body.toString()) as {
    objects: { oid: string; size: number }[];
    transfers?: string[];
  };
  const { lfsPartBytes } = hub.storage;
  const inParts = (size: number) => size > lfsPartBytes && transfers.includes('multipart');
  sendJson(response, {
    transfer: objects.some(({ size }) => inParts(size)) ? 'multipart' : 'basic',
    objects: objects.map(({ oid, size }) => {
      if (!/^[0-9a-f]{64}$/.test(oid) || !Number.isSafeInteger(size) || size < 0)
        return { oid, size, error: { code: 422, message: 'Expected a sha256 and a size' } };
      if (hub.lfsObjects.has(oid)) return { oid, size };
      if (inParts(size) && size > lfsPartBytes * MOST_PARTS)
        return { oid, size, error: { code: 422, message: `Too large: ${MOST_PARTS} parts at most` } };
      const upload = inParts(size)
        ? {
            href: `${origin}/__lfs/${oid}/complete`,
            header: partsOf(`${origin}/__lfs/${oid}/parts`, size, lfsPartBytes),
          }
        : { href: `${origin}/__lfs/${oid}` };
      return { oid, size, actions: { upload, verify: { href: `${origin}/__lfs/verify` } } };
    }),
  });
}

/** Where each part goes, by its number. */
function partsOf(at: string, size: number, partBytes: number): Record<string, string> {
  const numbers = Array.from({ length: Math.ceil(size / partBytes) }, (_, i) => i + 1);
  const addresses = numbers.map((part) => [String(part).padStart(5, '0'), `${at}/${part}`]);
  return { chunk_size: String(partBytes), ...Object.fromEntries(addresses) };
}

export function lfsPut({ hub, response, body }: HubRequest, oid: string): void {
  store(hub, oid, body);
  response.writeHead(200).end();
}

/** A part that is sent again takes the place of the one before. */
export function lfsPutPart({ hub, response, body }: HubRequest, oid: string, part: string): void {
  const parts = hub.lfsParts.get(oid) ?? new Map<number, Buffer>();
  hub.lfsParts.set(oid, parts.set(Number(part), body));
  response.writeHead(200, { ETag: etagOf(body) }).end();
}

export function lfsComplete({ hub, response, body }: HubRequest, oid: string): void {
  const { parts } = JSON.parse(body.toString()) as { parts: { partNumber: number; etag: string }[] };
  const sent = hub.lfsParts.get(oid);
  const content = parts.map(({ partNumber, etag }) => {
    const part = sent?.get(partNumber);
    if (!part || etagOf(part) !== etag)
      throw new HubRefusal(400, `Part ${partNumber} was not uploaded, or is another one`);
    return part;
  });
  store(hub, oid, Buffer.concat(content));
  hub.lfsParts.delete(oid);
  sendJson(response, { success: true });
}

export function lfsVerify({ hub, response, body }: HubRequest): void {
  lfsObject(hub, JSON.parse(body.toString()) as Pointer);
  response.writeHead(200).end();
}

/** Clients with Xet ask for this instead of LFS, and would not get any further. */
export function noXet(): void {
  throw new HubRefusal(400, 'This hub does not speak Xet: set HF_HUB_DISABLE_XET=1');
}

function store(hub: HubContents, oid: string, content: Buffer): void {
  if (lfsFile(content).lfs!.oid !== oid) throw new HubRefusal(400, 'The content does not have the announced sha256');
  hub.lfsObjects.set(oid, content);
}

function etagOf(part: Buffer): string {
  return `"${createHash('md5').update(part).digest('hex')}"`;
}
