import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { MUTATIONS } from './mistakes.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

test.each(MUTATIONS)('the place of the mistake $mistake is in the sources, once', async ({ file, from }) => {
  expect((await readFile(`${root}${file}`, 'utf8')).split(from)).toHaveLength(2);
});
