import { defineConfig } from 'tsup';

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    schema: 'src/doors/schema.ts',
    dataset: 'src/doors/dataset.ts',
    chain: 'src/doors/chain.ts',
    trainer: 'src/doors/trainer.ts',
    validator: 'src/doors/validator.ts',
    fleet: 'src/doors/fleet.ts',
    operator: 'src/doors/operator.ts',
    'local/index': 'src/local/index.ts',
    'cli/index': 'src/cli/index.ts',
    // `flock-off miner` and the like: the examples, over this package's own modules.
    'cli/programs': 'examples/commands.ts',
    // The training process; it is found beside the chunk that starts it.
    'process-main': 'src/trainer/process/process-main.ts',
    // The checking process, likewise.
    'checker-main': 'src/dataset/checker/checker-main.ts',
    // The thread that compares datasets, likewise.
    'search-main': 'src/dataset/fingerprint/search-main.ts',
  },
  format: ['esm'],
  target: 'node20',
  dts: true,
  splitting: true,
  sourcemap: true,
  clean: true,
});
