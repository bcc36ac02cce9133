import { defineConfig } from 'vitest/config';
import base from '../vitest.config.ts';

/** The quick tests of the rooms that `npm run mutate:rules` changes: what it runs again for each mutant. */
export default defineConfig({
  ...base,
  test: {
    ...base.test,
    include: process.env.FLOCK_OFF_RULES_TESTS?.split(' '),
    exclude: ['test/dataset/{performance,dataset-checker}.test.ts'],
    setupFiles: ['test/no-proxies.ts', 'test/mutations/no-stopwatch.ts'],
    testTimeout: 120_000,
  },
});
