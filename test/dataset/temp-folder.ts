import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';

/** A folder that lives as long as the test file, and a way to put a file into it. */
export function tempFolder() {
  let folder = '';
  let count = 0;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'flock-off-dataset-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return {
    pathOf: (name: string) => join(folder, name),
    async fileOf(content: string | Uint8Array): Promise<string> {
      const path = join(folder, `${count++}.jsonl`);
      await writeFile(path, content);
      return path;
    },
  };
}

/** One line of a dataset, without a newline. */
export function rowLine(question: string, answer = `the answer to ${question}`): string {
  return JSON.stringify({
    conversations: [
      { role: 'user', content: question },
      { role: 'assistant', content: answer },
    ],
  });
}

export function lines(count: number, prefix = 'question'): string {
  return Array.from({ length: count }, (_, i) => `${rowLine(`${prefix} ${i}`)}\n`).join('');
}
