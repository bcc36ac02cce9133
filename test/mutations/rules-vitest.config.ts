import { defineConfig } from 'vitest/config';
import base from '../vitest.config.ts';

/** How `npm run mutate:rules` runs the tests of a room, again for each mutant. */
export default defineConfig({
  ...base,
  test: {
    ...base.test,
    exclude: ['test/dataset/{performance,dataset-checker}.test.ts'],
    setupFiles: ['test/no-proxies.ts', 'test/mutations/no-stopwatch.ts'],
    testTimeout: 120_000,
  },
});
