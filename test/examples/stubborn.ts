import { setTimeout as sleep } from 'node:timers/promises';
import { runAsMain } from '../../examples/run-as-main.ts';
import { makeTemporaryFolder } from '../../examples/temporary-folder.ts';

/** Owns a folder, and ends badly in the way that is asked for. */
async function main([how]: string[], signal: AbortSignal): Promise<void> {
  const folder = await makeTemporaryFolder();
  process.stdout.write(`owns ${folder.path}\n`);
  setInterval(() => {}, 60_000);
  if (how === 'throws') setTimeout(() => (null as unknown as { touch(): void }).touch());
  if (how === 'rejects') void Promise.reject(new Error('nobody waits for this'));
  if (how === 'fails') throw new Error('it failed');
  if (how === 'exits') process.exit(7);
  if (how === 'busy') while (true) Date.now();
  if (how === 'soon') return;
  if (how === 'deaf') await new Promise(() => {});
  await sleep(60_000, undefined, { signal }).catch(() => {});
  if (how === 'done') return;
  signal.throwIfAborted();
}

await runAsMain(import.meta.url, main);
