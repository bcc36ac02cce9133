import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import WebSocket from 'ws';
import { CHROMIUM_FLAGS } from '../package/chromium.ts';

const START_MS = 60_000;

export interface LookParameters {
  url: string;
  /** Of the window, in CSS pixels. Default 1440. */
  width?: number;
  dark?: boolean;
  /** Default true. */
  scripts?: boolean;
  /** Clicks and types as a person does, once the page is there; what it returns comes back as JSON. */
  script?: string;
  /** Where a picture of the whole page goes. */
  screenshot?: string;
}

export interface Looked {
  /** What `script` returned. */
  value: unknown;
  /** Errors of scripts, and what the page's policy refused. */
  complaints: string[];
  /** Addresses that the page asked for, itself not among them. */
  requests: string[];
}

/** A real Chromium, told what to do over its debugging protocol. */
export class Browser {
  readonly #process: ChildProcess;
  readonly #socket: WebSocket;
  readonly #folder: string;
  readonly #answers = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  readonly #listeners = new Set<(message: { sessionId?: string; method: string; params: never }) => void>();
  #last = 0;

  private constructor(process: ChildProcess, socket: WebSocket, folder: string) {
    this.#process = process;
    this.#socket = socket;
    this.#folder = folder;
    socket.on('message', (data) => {
      const message = JSON.parse(String(data));
      const waiting = this.#answers.get(message.id);
      if (waiting && message.error) waiting.reject(new Error(message.error.message));
      else if (waiting) waiting.resolve(message.result as never);
      else for (const listener of this.#listeners) listener(message);
    });
  }

  static async open(command: string): Promise<Browser> {
    const folder = await mkdtemp(join(tmpdir(), 'flock-off-browser-'));
    const flags = [...CHROMIUM_FLAGS, '--remote-debugging-port=0', `--user-data-dir=${folder}`, 'about:blank'];
    const child = spawn(command, flags, { stdio: ['ignore', 'ignore', 'pipe'] });
    const url = await new Promise<string>((resolve, reject) => {
      setTimeout(reject, START_MS, new Error(`${command} did not start`)).unref();
      child.once('exit', (code) => reject(new Error(`${command} ended with ${code}`)));
      createInterface({ input: child.stderr! }).on('line', (line) => {
        const found = /^DevTools listening on (ws:\S+)/.exec(line);
        if (found) resolve(found[1]!);
      });
    });
    const socket = new WebSocket(url);
    await new Promise<void>((resolve, reject) => socket.once('open', resolve).once('error', reject));
    return new Browser(child, socket, folder);
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#socket.close();
    this.#process.kill();
    await ended;
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Opens a page in a tab of its own, does there what it is told, and closes it. */
  async look(parameters: LookParameters): Promise<Looked> {
    const { url, width = 1440, dark = false, scripts = true, script, screenshot } = parameters;
    const { targetId } = await this.#ask<{ targetId: string }>('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.#ask<{ sessionId: string }>('Target.attachToTarget', { targetId, flatten: true });
    const ask = <T>(method: string, params: object = {}) => this.#ask<T>(method, params, sessionId);
    const looked: Looked = { value: undefined, complaints: [], requests: [] };
    const loaded = new Promise<void>((resolve) => {
      this.#listeners.add(({ sessionId: of, method, params }) => {
        if (of !== sessionId) return;
        if (method === 'Page.loadEventFired') resolve();
        const { request, exceptionDetails, entry } = params as {
          request?: { url: string };
          exceptionDetails?: { text: string; exception?: { description?: string } };
          entry?: { level: string; text: string };
        };
        if (method === 'Network.requestWillBeSent' && request!.url !== url && !request!.url.startsWith('data:'))
          looked.requests.push(request!.url);
        if (method === 'Runtime.exceptionThrown')
          looked.complaints.push(exceptionDetails!.exception?.description ?? exceptionDetails!.text);
        if (method === 'Log.entryAdded' && entry!.level === 'error') looked.complaints.push(entry!.text);
      });
    });
    for (const domain of ['Page', 'Network', 'Runtime', 'Log']) await ask(`${domain}.enable`);
    const size = { width, height: 900, deviceScaleFactor: 1, mobile: width < 600 };
    await ask('Emulation.setDeviceMetricsOverride', size);
    await ask('Emulation.setEmulatedMedia', {
      features: [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }],
    });
    await ask('Emulation.setScriptExecutionDisabled', { value: !scripts });
    await ask('Page.navigate', { url });
    await loaded;
    if (script !== undefined) {
      const { result, exceptionDetails } = await ask<{
        result: { value: unknown };
        exceptionDetails?: { exception?: { description?: string } };
      }>('Runtime.evaluate', { expression: `(async () => {${script}})()`, awaitPromise: true, returnByValue: true });
      if (exceptionDetails) throw new Error(exceptionDetails.exception?.description);
      looked.value = result.value;
    }
    if (screenshot !== undefined) {
      const { data } = await ask<{ data: string }>('Page.captureScreenshot', { captureBeyondViewport: true });
      await writeFile(screenshot, Buffer.from(data, 'base64'));
    }
    await this.#ask('Target.closeTarget', { targetId });
    return looked;
  }

  #ask<T>(method: string, params: object, sessionId?: string): Promise<T> {
    const id = ++this.#last;
    const answer = new Promise<T>((resolve, reject) => this.#answers.set(id, { resolve, reject }));
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }));
    return answer.finally(() => this.#answers.delete(id));
  }
}
