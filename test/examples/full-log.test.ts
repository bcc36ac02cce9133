import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const EXAMPLES = fileURLToPath(new URL('../../examples/', import.meta.url));

test.runIf(existsSync('/dev/full')).each([
  [
    'a log',
    '2>/dev/full',
    `import { commonOptions, subnetCommand } from '${EXAMPLES}options.ts';
    const { logger } = commonOptions(subnetCommand('x', 'y').parse(['--netuid', '2'], { from: 'user' }));
    logger.warn('a line');
    logger.warn('another line');
    setTimeout(() => console.log('alive'), 50);`,
  ],
  [
    'what a command says',
    '>/dev/full',
    `import { Ending } from '${EXAMPLES}ending.ts';
    import { Status } from '${EXAMPLES}status.ts';
    const { signal } = new Ending({ logsEndings: false });
    const status = new Status();
    status.say('a line');
    setTimeout(() => status.say('another line'), 25);
    setTimeout(() => console.error(signal.aborted ? signal.reason.message : 'alive'), 50);`,
  ],
])('%s on a full disk does not end what is logged', (_, redirected, script) => {
  const { stdout, stderr, status } = spawnSync(
    'bash',
    ['-c', `exec "$0" "$@" ${redirected}`, process.execPath, '--import', 'tsx', '--input-type=module', '-e', script],
    { cwd: EXAMPLES, encoding: 'utf8' },
  );
  expect({ said: stdout + stderr, status }).toEqual({ said: 'alive\n', status: 0 });
});

test.runIf(existsSync('/dev/full'))('an output on a full disk does not end what prints it', () => {
  const { stderr, status } = spawnSync(
    'bash',
    ['-c', 'exec "$0" "$@" >/dev/full', process.execPath, '--import', 'tsx', 'test/examples/stubborn.ts', 'soon'],
    { cwd: fileURLToPath(new URL('../../', import.meta.url)), encoding: 'utf8' },
  );
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
});
