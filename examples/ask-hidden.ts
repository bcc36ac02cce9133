import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { Writable } from 'node:stream';

export interface AskHiddenParameters {
  question: string;
  signal?: AbortSignal;
  input?: Readable;
  output?: Writable;
}

/**
 * Asks on the terminal without showing what is typed. `null` when nothing is typed, or the input ends (Ctrl-D).
 * @throws Error "Stopped." after Ctrl-C, or the signal's reason
 */
export function askHidden({
  question,
  signal,
  input = process.stdin,
  output = process.stderr,
}: AskHiddenParameters): Promise<string | null> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
    const lines = createInterface({ input, output: nowhere, terminal: true, historySize: 0 });
    const stop = () => {
      reject(signal?.reason);
      lines.close();
    };
    signal?.addEventListener('abort', stop);
    lines.once('close', () => {
      signal?.removeEventListener('abort', stop);
      output.write('\n');
      resolve(null);
    });
    lines.once('line', (line) => {
      resolve(line.trim() || null); // Bittensor's tools trim passwords, too.
      lines.close();
    });
    // The terminal is in raw mode here, so that Ctrl-C is a key and sends no signal.
    lines.once('SIGINT', () => {
      reject(new Error('Stopped.'));
      lines.close();
    });
    output.write(question);
  });
}
