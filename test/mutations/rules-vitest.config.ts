import { defineConfig } from 'vitest/config';
import base from '../vitest.config.ts';

/** The quick tests of the pure rooms: what `npm run mutate:rules` runs again for each mutant. */
export default defineConfig({
  ...base,
  test: {
    ...base.test,
    include: [
      'test/{scoring,policy,queue,dataset}/**/*.test.ts',
      'test/validator/{standing,pointers}.test.ts',
      'test/trainer/tokens/batches.test.ts',
      'test/chain/weights/{normalise,row}.test.ts',
      'test/chain/subnet/epoch-schedule.test.ts',
    ],
    exclude: ['test/dataset/performance.test.ts'],
    setupFiles: ['test/no-proxies.ts', 'test/mutations/no-stopwatch.ts'],
    testTimeout: 120_000,
  },
});
