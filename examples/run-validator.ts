import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('validator.ts', import.meta.url));
/** What libtensorflow says while it starts, before its log level counts. */
const START_UP = /^(WARNING: All log messages before absl|[IW]0000 )|^To enable the following instructions/;

/** Runs examples/validator.ts as a process of its own, so that training does not hold up the chain. */
export async function runValidatorProcess(flags: string[], signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  const child = spawn(process.execPath, [...process.execArgv, SCRIPT, ...flags], {
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (!START_UP.test(line)) process.stderr.write(`${line}\n`);
  });
  const stop = () => child.kill('SIGTERM');
  signal?.addEventListener('abort', stop, { once: true });
  const [code] = await once(child, 'close').finally(() => signal?.removeEventListener('abort', stop));
  signal?.throwIfAborted();
  if (code !== 0) throw new Error('The validator stopped with an error; it is printed above.');
}
