/** Starts a training process and has it compute without a pause, as a native step does; it writes its number first. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const busy = `
  import { writeSync } from 'node:fs';
  const busy = ({ kind }) => {
    if (kind !== 'abort') return;
    writeSync(1, process.pid + '\\n');
    for (;;);
  };
  // Behind the process's own listener: with the first one, messages begin to come.
  process.on('newListener', function first(name) {
    if (name !== 'message') return;
    process.off('newListener', first);
    queueMicrotask(() => process.on('message', busy));
  });`;
const child = fork(fileURLToPath(new URL('../../../src/trainer/process/process-main.ts', import.meta.url)), [], {
  execArgv: ['--import', 'tsx', '--import', `data:text/javascript,${encodeURIComponent(busy)}`],
  serialization: 'advanced',
  stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
});
// Once it answers, even if with a failure, it listens to everything.
child.on('message', () => child.send({ id: 2, kind: 'abort' }));
child.once('exit', () => process.exit());
child.send({ id: 1, kind: 'load', folder: '/nowhere', engine: {} });
