import { readFile } from 'node:fs/promises';

/** The text of the README's first program. */
export async function readmeProgram(): Promise<string> {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  return /```ts\n([\s\S]*?)```/.exec(readme)![1]!;
}

/** What it prints of the file that it writes itself. */
export const SAYS_THE_LOSS = /^96 rows, loss \d\.\d{4} nats per token$/m;
