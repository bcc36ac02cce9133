import { defineConfig } from 'tsup';

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    'local/index': 'src/local/index.ts',
    'cli/index': 'src/cli/index.ts',
    // The training process; it is found beside the chunk that starts it.
    'process-main': 'src/trainer/process/process-main.ts',
  },
  format: ['esm'],
  target: 'node20',
  dts: true,
  splitting: true,
  sourcemap: true,
  clean: true,
});
