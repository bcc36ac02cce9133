import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

test.runIf(existsSync('/dev/full'))('a log on a full disk does not end what is logged', () => {
  const script = `
    import { commonOptions, subnetCommand } from ${JSON.stringify(`${ROOT}examples/options.ts`)};
    const { logger } = commonOptions(subnetCommand('x', 'y').parse(['--netuid', '2'], { from: 'user' }));
    logger.warn('a line');
    logger.warn('another line');
    setTimeout(() => console.log('alive'), 50);`;
  const { stdout, status } = spawnSync(
    'bash',
    ['-c', 'exec "$0" "$@" 2>/dev/full', process.execPath, '--import', 'tsx', '--input-type=module', '-e', script],
    { cwd: ROOT, encoding: 'utf8' },
  );
  expect({ stdout, status }).toEqual({ stdout: 'alive\n', status: 0 });
});

test.runIf(existsSync('/dev/full'))('an output on a full disk does not end what prints it', () => {
  const { stderr, status } = spawnSync(
    'bash',
    ['-c', 'exec "$0" "$@" >/dev/full', process.execPath, '--import', 'tsx', 'test/examples/stubborn.ts', 'soon'],
    { cwd: ROOT, encoding: 'utf8' },
  );
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
});
