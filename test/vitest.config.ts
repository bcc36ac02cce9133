import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const here = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));

export default defineConfig({
  root: here(''),
  resolve: {
    alias: [
      { find: /^flock-off\/local$/, replacement: here('src/local/index.ts') },
      {
        find: /^flock-off\/(schema|dataset|chain|trainer|validator|operator|fleet)$/,
        replacement: here('src/doors/$1.ts'),
      },
      { find: /^flock-off$/, replacement: here('src/index.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    env: {
      // libtensorflow's start-up messages would drown the report.
      TF_CPP_MIN_LOG_LEVEL: '3',
      // As a training process has it for models as tiny as those of tests, so that losses are bit-equal to its.
      TF_NUM_INTRAOP_THREADS: '1',
    },
    setupFiles: ['test/no-proxies.ts'],
    // One more than two cores have: many tests wait for blocks.
    maxWorkers: 3,
    maxConcurrency: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // A machine that others use stops for seconds now and then. What passes only then is named at the end of `.ci/run`.
    retry: process.env.CI ? 1 : 0,
  },
});
