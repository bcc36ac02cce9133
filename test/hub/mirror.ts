import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface MirroredAnswer {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

/** Changes the Hub's answer, or gives its own and returns `null`. */
export type MirrorRule = (
  answer: MirroredAnswer,
  request: IncomingMessage,
  response: ServerResponse,
) => MirroredAnswer | null | Promise<MirroredAnswer | null>;

export interface Mirror {
  url: string;
  /** "METHOD /path", with the range where one was asked. */
  requests: string[];
  /** Bytes of bodies that were taken from it. */
  bytesSent(): number;
  close(): void;
}

const HOP_BY_HOP = /^(connection|keep-alive|transfer-encoding|host|content-length|accept-encoding)$/;

/** A server in front of a hub, as mirrors, caches and proxies of companies are. */
export async function startMirror(hubUrl: string, rule: MirrorRule): Promise<Mirror> {
  const requests: string[] = [];
  let bytesSent = 0;
  const server = createServer(async (request, response) => {
    request.socket.setNoDelay();
    response.on('close', () => {
      bytesSent += request.socket.bytesWritten;
    });
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    requests.push([request.method, request.url, request.headers.range].filter(Boolean).join(' '));
    const answer = await rule(await askHub(hubUrl, request, Buffer.concat(parts)), request, response);
    if (answer === null) return;
    response.writeHead(answer.status, answer.headers);
    response.end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    bytesSent: () => bytesSent,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** The hub's own answer to a request, without what concerns the connection alone; a range can be left out. */
export async function askHub(hubUrl: string, request: IncomingMessage, body?: Buffer): Promise<MirroredAnswer> {
  const headers = Object.entries(request.headers).filter(([name]) => !HOP_BY_HOP.test(name)) as [string, string][];
  const answer = await fetch(hubUrl + asDataset(request.url ?? '/'), {
    method: request.method,
    headers,
    body: body?.length ? new Uint8Array(body) : undefined,
    redirect: 'manual',
  });
  return {
    status: answer.status,
    headers: Object.fromEntries([...answer.headers].filter(([name]) => !HOP_BY_HOP.test(name))),
    body: Buffer.from(await answer.arrayBuffer()),
  };
}

/** The local hub has datasets alone: behind a mirror its repositories are models, too. */
function asDataset(url: string): string {
  return url.replace(/^\/api\/models\//, '/api/datasets/').replace(/^(?=\/[^/]+\/[^/]+\/resolve\/)/, '/datasets');
}

export function without(answer: MirroredAnswer, ...names: string[]): MirroredAnswer {
  const headers = Object.fromEntries(Object.entries(answer.headers).filter(([name]) => !names.includes(name)));
  return { ...answer, headers };
}
