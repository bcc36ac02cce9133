import type { ServerResponse } from 'node:http';

/** The Hub's own names for what is wrong. */
export type HubErrorCode = 'RepoNotFound' | 'RevisionNotFound' | 'EntryNotFound' | 'GatedRepo';

/** An answer other than 2xx. */
export class HubRefusal extends Error {
  readonly status: number;
  readonly errorCode: HubErrorCode | undefined;
  readonly body: Record<string, unknown>;

  constructor(status: number, message: string, errorCode?: HubErrorCode, body: Record<string, unknown> = {}) {
    super(message);
    this.status = status;
    this.errorCode = errorCode;
    this.body = body;
  }
}

export function sendJson(
  response: ServerResponse,
  body: unknown,
  headers: Record<string, string> = {},
  status = 200,
): void {
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': bytes.length,
    ...headers,
  });
  response.end(bytes);
}

export function sendRefusal(response: ServerResponse, { status, message, errorCode, body }: HubRefusal): void {
  const headers = { 'X-Error-Message': inHeader(message), ...(errorCode ? { 'X-Error-Code': errorCode } : {}) };
  sendJson(response, { error: message, ...body }, headers, status);
}

/** Headers are ASCII, and what is asked for may be in any language. */
export function inHeader(text: string): string {
  return text.replace(/[^ -~]/gu, '?');
}
