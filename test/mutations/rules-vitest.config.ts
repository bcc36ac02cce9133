import { defineConfig } from 'vitest/config';
import base from '../vitest.config.ts';

/** How `npm run mutate:rules` runs the tests of a room. */
export default defineConfig({
  ...base,
  test: {
    ...base.test,
    runner: 'test/mutations/rules-runner.ts',
    exclude: ['test/dataset/{performance,dataset-checker}.test.ts'],
    // What takes megabytes takes minutes where every step is counted.
    testNamePattern:
      /^(?!.*(\d MB|a megabyte|linear time|made to be slow|several pieces|between two pieces|behind the first wrong))/,
    setupFiles: ['test/no-proxies.ts', 'test/mutations/rules-setup.ts'],
    maxWorkers: 1,
  },
});
