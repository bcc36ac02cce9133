import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LogFile, logFiles, RecordedLog } from 'flock-off';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { runExample } from '../examples/run-example.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flock-off-log-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const linesOf = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

test('each line has level, time, epoch and uid, and no secret', async () => {
  const lines: string[] = [];
  const mask = (text: string) => text.replaceAll('hf_secret', '***');
  const log = new RecordedLog({ level: 'debug', sinks: [{ write: (line) => lines.push(line) }], mask });
  log.logger.trace!('not at this level');
  log.logger.info('starts');
  log.epoch = 360;
  log.logger.warn('uid 3: hf_secret was refused', { attempt: 1, url: 'x?hf_secret' });
  await log.close();
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    { level: 'info', time: expect.stringMatching(/^20.*Z$/), msg: 'starts' },
    {
      ...{ level: 'warn', time: expect.any(String), epoch: 360, uid: 3 },
      ...{ attempt: 1, url: 'x?***', msg: 'uid 3: *** was refused' },
    },
  ]);
});

test('a file is for its owner only, and is begun anew when it is full', async () => {
  const warnings: string[] = [];
  const file = new LogFile({
    folder: join(folder, 'logs'),
    name: 'validator',
    maxBytes: 2_000,
    warn: (line) => warnings.push(line),
  });
  for (let i = 0; i < 10; i++) {
    file.write(`${String(i).padEnd(500, '.')}\n`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await file.close();
  const names = (await readdir(join(folder, 'logs'))).sort();
  expect(names.at(-1)).toBe('validator.log');
  expect(names.length).toBeGreaterThan(2);
  expect(names.slice(0, -1).filter((name) => !logFiles('validator').test(name))).toEqual([]);
  expect(names.filter((name) => logFiles('miner').test(name))).toEqual([]);
  expect((await stat(join(folder, 'logs', 'validator.log'))).mode & 0o077).toBe(0);
  const all = await Promise.all(names.map((name) => readFile(join(folder, 'logs', name), 'utf8')));
  expect(all.join('').match(/\n/g)).toHaveLength(10);
  expect(warnings).toEqual([]);
});

test('a folder that cannot be written is warned of once, and nothing stops', async () => {
  await writeFile(join(folder, 'logs'), 'a file');
  const warnings: string[] = [];
  const file = new LogFile({ folder: join(folder, 'logs'), name: 'validator', warn: (line) => warnings.push(line) });
  file.write('one\n');
  await vi.waitFor(() => expect(warnings).toHaveLength(1));
  const now = vi.spyOn(performance, 'now');
  try {
    for (const [minutes, line] of [
      [2, 'two\n'],
      [4, 'three\n'],
    ] as const) {
      now.mockReturnValue(minutes * 60_000 + 1e9);
      const tries = now.mock.calls.length;
      file.write(line);
      // Asked before it is tried, and after it did not work.
      await vi.waitFor(() => expect(now.mock.calls.length).toBeGreaterThan(tries + 1));
    }
    expect(warnings).toEqual([
      expect.stringMatching(/^the log cannot be stored in \S+logs \(E.*the work goes on without/),
    ]);
    await rm(join(folder, 'logs'));
    now.mockReturnValue(6 * 60_000 + 1e9);
    file.write('four\n');
    await file.close();
  } finally {
    now.mockRestore();
  }
  expect(await readFile(join(folder, 'logs', 'validator.log'), 'utf8')).toBe('four\n');
});

test.each([
  ['validator.ts', ['--dry_run'], ['miner-20200102-030405-1.log', 'validator-20200102-030405-1.log']],
  ['miner.ts', [], ['validator-20200102-030405-1.log']],
])(
  '%s %j removes old logs of its own only, and in a dry run none',
  async (script, flags, left) => {
    const old = ['miner', 'validator'].map((name) => `${name}-20200102-030405-1.log`);
    for (const name of [...old, 'miner-20990102-030405-1.log', 'validator-20990102-030405-1.log'])
      await writeFile(join(folder, name), '');
    for (const name of old) await utimes(join(folder, name), 0, 0);
    const more = script === 'miner.ts' ? ['--hf_repo_id', 'ann/chats', '--dataset_path', 'data.jsonl'] : [];
    await runExample(script, [
      ...['--netuid', '2', '--wallet.path', folder, '--logging.logging_dir', folder],
      ...more,
      ...flags,
    ]);
    expect((await readdir(folder)).filter((name) => name.includes('2020')).sort()).toEqual(left);
  },
  60_000,
);

test('a transport gets the lines too, and one that is not there is refused in a sentence', async () => {
  const path = join(folder, 'sent');
  await writeFile(
    join(folder, 'transport.mjs'),
    `import { createWriteStream } from 'node:fs';
     export default ({ path }) => createWriteStream(path);`,
  );
  const parameters = { level: 'info' as const, sinks: [], from: folder };
  const log = new RecordedLog({ ...parameters, transport: { target: './transport.mjs', options: { path } } });
  log.logger.info('over there');
  await log.close();
  expect(linesOf(await readFile(path, 'utf8'))).toEqual([expect.objectContaining({ msg: 'over there' })]);
  expect(() => new RecordedLog({ ...parameters, transport: { target: 'pino-nowhere' } })).toThrow(
    /the log transport pino-nowhere cannot be found from/,
  );
});

test('a program keeps what it says and what it ends with in its file, and as JSON on stderr', async () => {
  const run = (...flags: string[]) =>
    runExample('miner.ts', [
      ...['--netuid', '2', '--hf_repo_id', 'ann/chats', '--dataset_path', 'data.jsonl', '--wallet.path', folder],
      ...flags,
    ]);
  const kept = await run('--logging.record_log', '--logging.logging_dir', join(folder, 'logs'));
  const [line] = linesOf(await readFile(join(folder, 'logs', 'miner.log'), 'utf8'));
  expect(line).toMatchObject({ level: 'error', code: expect.any(String), msg: kept.stderr.trimEnd() });
  const json = await run('--logging.format', 'json');
  expect(linesOf(json.stderr)).toEqual([{ ...line, time: expect.any(String) }]);
  expect([kept.code, json.code]).toEqual([1, 1]);
}, 60_000);
