import type { ServerResponse } from 'node:http';

/** A fault that is injected into the hub's answers. */
export type HubFault =
  /** Answers with a status (and headers) instead of doing anything. */
  | { kind: 'status'; status: number; headers?: Record<string, string> }
  /** Executes the request, and closes the socket without an answer, or answers as a proxy that has lost it. */
  | { kind: 'lose-answer'; status?: number }
  /** Closes the socket before doing anything. */
  | { kind: 'drop' }
  /** Never answers. */
  | { kind: 'hang' }
  /** Waits before answering. */
  | { kind: 'delay'; ms: number }
  /** Sends this many bytes of the body, then closes the socket. */
  | { kind: 'truncate'; afterBytes: number }
  /** Sends this many bytes of the body, then nothing more. */
  | { kind: 'stall'; afterBytes: number }
  /** Sends a body of the right length with other bytes. */
  | { kind: 'wrong-bytes' }
  /** Answers with this body, such as the page of a captive portal. */
  | { kind: 'body'; status: number; body: string; headers?: Record<string, string> }
  /** Sends the body in pieces of one byte. */
  | { kind: 'trickle'; everyMs: number };

export interface InjectedFault {
  /** Part of "METHOD /path", such as "/resolve/" or "POST /api/repos/create". */
  on: string;
  fault: HubFault;
  /** How often. Default 1. */
  times?: number;
  /** Such requests before it that are left alone. Default 0. */
  after?: number;
}

/** Injected faults that are still to happen, and the requests so far. */
export class HubFaults {
  #waiting: { on: string; fault: HubFault; left: number; after: number }[] = [];
  /** Every request so far, as "METHOD /path". */
  readonly requests: string[] = [];

  inject({ on, fault, times = 1, after = 0 }: InjectedFault): void {
    this.#waiting.push({ on, fault, left: times, after });
  }

  clear(): void {
    this.#waiting = [];
  }

  /** The fault for a request, used up by asking. */
  take(request: string): HubFault | null {
    this.requests.push(request);
    const next = this.#waiting.find(({ on, left }) => left > 0 && request.includes(on));
    if (!next || next.after-- > 0) return null;
    next.left--;
    return next.fault;
  }
}

/** Makes the answer fail as it is written. */
export function corruptResponse(response: ServerResponse, fault: HubFault): void {
  const end = response.end.bind(response);
  if (fault.kind === 'lose-answer' && fault.status !== undefined) {
    const { status } = fault;
    const writeHead = response.writeHead.bind(response);
    response.writeHead = ((_: number) => response) as typeof response.writeHead;
    response.end = (() => {
      writeHead(status, { 'Content-Type': 'text/html' });
      return end('<html><h1>Bad Gateway</h1></html>');
    }) as typeof response.end;
    return;
  }
  response.end = ((body?: unknown) => {
    const bytes = Buffer.from((body as Buffer | string | undefined) ?? '');
    if (fault.kind === 'lose-answer') response.socket?.destroy();
    else if (fault.kind === 'wrong-bytes') end(Buffer.from(bytes.map((byte) => byte ^ 1)));
    else if (fault.kind === 'truncate')
      response.write(bytes.subarray(0, fault.afterBytes), () => response.socket?.destroy());
    else if (fault.kind === 'trickle') {
      let sent = 0;
      const timer = setInterval(() => response.write(bytes.subarray(sent, ++sent)), fault.everyMs);
      response.once('close', () => clearInterval(timer));
    } else if (fault.kind === 'stall') response.write(bytes.subarray(0, fault.afterBytes));
    else end(bytes);
    return response;
  }) as typeof response.end;
}
