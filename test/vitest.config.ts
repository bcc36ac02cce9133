import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const here = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));

export default defineConfig({
  root: here(''),
  resolve: {
    alias: [
      { find: /^flock-off\/local$/, replacement: here('src/local/index.ts') },
      { find: /^flock-off\/(schema|dataset|chain|trainer|validator)$/, replacement: here('src/doors/$1.ts') },
      { find: /^flock-off$/, replacement: here('src/index.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    // libtensorflow's start-up messages would drown the report.
    env: { TF_CPP_MIN_LOG_LEVEL: '3' },
    setupFiles: ['test/no-proxies.ts'],
    maxWorkers: 2,
    maxConcurrency: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
