import { statSync } from 'node:fs';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import base from '../vitest.config.ts';

/** Names of tests that take too long to be run for every change: what they look at others look at, too. */
const TOO_SLOW = [
  // Megabytes, where every step is counted.
  ...['\\d MB', 'a megabyte', 'linear time', 'time linear', 'made to be slow', 'several pieces', 'between two pieces'],
  ...['takes no longer', 'as soon as any'],
  ...['behind the first wrong', 'less than 50 ms', '100,000 levels', 'survives (wrappers|lists)'],
  // A deadline, or threads, which load the rules without their changes.
  ...['takes for ever', 'the thread of a search'],
  // Many datasets and texts: the golden ones are among them.
  ...['whatever word', 'in any order', 'never found', 'with other filler', 'sample datasets are', 'a plain one'],
  ...['have one in common', 'below a limit', 'read as it was written', 'at most 150 bytes', 'reads any text'],
];

/** Small files first: they are quick, and what they notice the others need not. */
class SmallFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sizeOf = ({ moduleId }: TestSpecification) => statSync(moduleId).size;
    return files.toSorted((a, b) => sizeOf(a) - sizeOf(b));
  }
}

/** How `npm run mutate:rules` runs the tests of a room. */
export default defineConfig({
  ...base,
  test: {
    ...base.test,
    runner: 'test/mutations/rules-runner.ts',
    exclude: ['test/dataset/{performance,dataset-checker}.test.ts'],
    testNamePattern: new RegExp(`^(?!.*(${TOO_SLOW.join('|')}))`),
    setupFiles: ['test/no-proxies.ts', 'test/mutations/rules-setup.ts'],
    maxWorkers: 1,
    sequence: { sequencer: SmallFirst },
  },
});
