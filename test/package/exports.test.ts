import { expect, test } from 'vitest';
import * as root from '../../src/index.ts';
import * as local from '../../src/local/index.ts';

// A changed list is a decision about the public API: `npm test -- test/package/exports -u` records it.
test.each([
  ['flock-off', root],
  ['flock-off-local', local],
])('the names that %s exports are these', async (name, module) => {
  await expect(`${Object.keys(module).sort().join('\n')}\n`).toMatchFileSnapshot(`exports/${name}.txt`);
});
