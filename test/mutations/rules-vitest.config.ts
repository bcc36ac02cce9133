import { defineConfig } from 'vitest/config';
import base from '../vitest.config.ts';

/** How `npm run mutate:rules` runs the tests of a room. */
export default defineConfig({
  ...base,
  test: {
    ...base.test,
    runner: 'test/mutations/rules-runner.ts',
    exclude: ['test/dataset/{performance,dataset-checker}.test.ts'],
    setupFiles: ['test/no-proxies.ts', 'test/mutations/rules-setup.ts'],
    maxWorkers: 1,
  },
});
