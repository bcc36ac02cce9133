import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { leaveIncomplete, resumeIncomplete, startIncomplete, writeWhole } from '../../src/shared/incomplete-file.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flock-off-incomplete-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const MODULE = JSON.stringify(new URL('../../src/shared/incomplete-file.ts', import.meta.url).href);
const TSX = ['--import', 'tsx', '--input-type=module', '-e'];

test('two processes that write one file again and again never show anything but a whole one', async () => {
  const path = join(folder, 'file');
  const script = (letter: string) => `
    import { appendFile } from 'node:fs/promises';
    import { writeWhole } from ${MODULE};
    for (let i = 0; i < 40; i++)
      await writeWhole(${JSON.stringify(path)}, async (it) => {
        for (let part = 0; part < 10; part++) await appendFile(it, '${letter}'.repeat(1000));
      });`;
  const writers = ['a', 'b'].map((letter) => spawn(process.execPath, [...TSX, script(letter)], { stdio: 'inherit' }));
  const ended = Promise.all(writers.map((writer) => once(writer, 'exit')));
  let running = true;
  void ended.then(() => {
    running = false;
  });
  while (running) {
    const text = await readFile(path, 'utf8').catch(() => null);
    if (text !== null) expect(['a'.repeat(10_000), 'b'.repeat(10_000)]).toContain(text);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await ended).toEqual([
    [0, null],
    [0, null],
  ]);
  expect(await readdir(folder)).toEqual(['file']);
});

test('what a killed process left is removed by the next one, what a living one writes is not', async () => {
  const path = join(folder, 'file');
  const script = `
    import { writeFileSync } from 'node:fs';
    import { startIncomplete } from ${MODULE};
    writeFileSync(await startIncomplete(${JSON.stringify(path)}), 'half');
    process.kill(process.pid, 'SIGKILL');`;
  expect(spawnSync(process.execPath, [...TSX, script]).signal).toBe('SIGKILL');
  expect(await readdir(folder)).toHaveLength(1);
  const mine = await startIncomplete(path);
  await writeFile(mine, 'of this process');
  await writeWhole(path, (incomplete) => writeFile(incomplete, 'whole'));
  expect((await readdir(folder)).map((name) => join(folder, name)).sort()).toEqual([path, mine]);
});

test('of another machine, or of version 0.1.0, only what is an hour old is removed', async () => {
  const path = join(folder, 'file');
  const names = ['.incomplete', '.incomplete-0123456789ab-1-cafe', '.incomplete-0123456789ab-2-cafe'];
  for (const name of names) await writeFile(path + name, '');
  const [old] = names;
  await utimes(path + old!, 0, 0);
  await startIncomplete(path);
  expect(await readdir(folder)).toEqual(names.slice(1).map((name) => `file${name}`));
});

test('what fails leaves nothing, and the file as it was', async () => {
  const path = join(folder, 'file');
  await writeFile(path, 'before');
  const failing = writeWhole(path, async (incomplete) => {
    await writeFile(incomplete, 'half');
    throw new Error('broken off');
  });
  await expect(failing).rejects.toThrow('broken off');
  expect(await readdir(folder)).toEqual(['file']);
  expect(await readFile(path, 'utf8')).toBe('before');
});

const HASH = 'a'.repeat(40);

test('what was left of a content is resumed by one of those who ask for it, and by nobody who asks for another', async () => {
  const path = join(folder, 'file');
  const begun = await resumeIncomplete(path, HASH);
  await writeFile(begun, 'half');
  expect(await readFile(await resumeIncomplete(path, HASH), 'utf8').catch(() => null), 'its writer lives').toBe(null);
  await leaveIncomplete(path, begun);
  const askers = await Promise.all([1, 2, 3].map(() => resumeIncomplete(path, HASH)));
  const found = await Promise.all(askers.map((asker) => readFile(asker, 'utf8').catch(() => null)));
  expect(found.sort()).toEqual(['half', null, null]);
  const mine = (await readdir(folder)).map((name) => join(folder, name));
  await leaveIncomplete(path, mine[0]!);
  await resumeIncomplete(path, 'b'.repeat(64));
  expect(await readdir(folder)).toEqual([]);
});

test('the longest beginning is resumed, and what a killed process of another machine had after ten minutes', async () => {
  const path = join(folder, 'file');
  for (const [writer, text] of [
    ['0123456789ab-1-cafe', 'longest'],
    ['0123456789ab-2-cafe', 'short'],
  ]) {
    await writeFile(`${path}.incomplete-${writer}-${HASH}`, text!);
    if (text === 'short') expect(await readdir(folder)).toHaveLength(2);
  }
  await resumeIncomplete(path, HASH);
  expect(await readdir(folder)).toHaveLength(2);
  const tenMinutesAgo = Date.now() / 1000 - 601;
  for (const name of await readdir(folder)) await utimes(join(folder, name), tenMinutesAgo, tenMinutesAgo);
  expect(await readFile(await resumeIncomplete(path, HASH), 'utf8')).toBe('longest');
  expect(await readdir(folder)).toHaveLength(1);
});
