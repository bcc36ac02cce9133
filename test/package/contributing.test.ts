import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string) => readFileSync(`${ROOT}${path}`, 'utf8');
const isThere = (path: string) => existsSync(`${ROOT}${path}`);
const files = (folder: string) => readdirSync(`${ROOT}${folder}`, { recursive: true, encoding: 'utf8' });
const inTicks = (text: string) => [...text.matchAll(/`([^`\n]+)`/g)].map((match) => match[1]!);
/** The cells of every line of a table, its head left out. */
const rows = (text: string) =>
  text
    .split('\n')
    .filter((line) => /^\| (?!-)/.test(line))
    .map((line) => line.split('|').slice(1, -1));
const section = (name: string) => read('CONTRIBUTING.md').split(`\n## ${name}\n`)[1]!.split('\n## ')[0]!;

const ROOMS = ['chain', 'trainer', 'local', 'hub', 'competition', 'validator', 'dataset', 'scoring', 'queue', 'shared'];
const GUIDES = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'examples/README.md', 'docs/architecture.md'];

test.each(GUIDES)('every path and npm script that %s names is there', (guide) => {
  const text = read(guide);
  const paths = inTicks(text).filter((word) => /^(src|test|docs|examples|\.ci|\.github)\/[\w./-]+$/.test(word));
  expect(paths.filter((path) => !isThere(path))).toEqual([]);
  const scripts = [...text.matchAll(/npm run ([\w:]+)/g)].map((match) => match[1]!);
  const { scripts: known } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  expect(scripts.filter((name) => !(name in known))).toEqual([]);
});

test('every npm script but the two of the README is explained to contributors', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const left = Object.keys(scripts).filter((name) => !['start', 'test', 'cli'].includes(name));
  expect(left.filter((name) => !read('CONTRIBUTING.md').includes(`\`npm run ${name}\``))).toEqual([]);
});

describe.each(ROOMS)('src/%s/README.md', (room) => {
  const text = read(`src/${room}/README.md`);

  test('says in at most ten lines where to start', () => {
    expect(text.trim().split('\n').length).toBeLessThanOrEqual(10);
    expect(text).toMatch(/start|is all/i);
  });

  test('names files and folders that are there', () => {
    const named = inTicks(text).filter((word) => /^[\w./-]+(\/|\.ts)$/.test(word));
    expect(named.length).toBeGreaterThan(0);
    // A file may stand under the folder that its line begins with.
    const known = files(`src/${room}`).map((path) => `/${path}`);
    const isKnown = (word: string) =>
      word.startsWith('../')
        ? isThere(`src/${room}/${word}`)
        : known.some((path) => path.endsWith(`/${word.replace(/\/$/, '')}`));
    expect(named.filter((word) => !isKnown(word))).toEqual([]);
  });

  test('leaves out no folder', () => {
    const folders = readdirSync(`${ROOT}src/${room}`, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(folders.filter(({ name }) => !text.includes(`\`${name}/`))).toEqual([]);
  });
});

test.each([
  ['reconnect', 'src/chain/node/connection.ts'],
  ['failover', 'src/chain/node/connection.ts'],
  ['gradient accumulation', 'src/trainer/run/train.ts'],
  ['rate limit', 'src/chain/weights/checks.ts'],
  ['rate limit', 'src/hub/hub-dataset-store.ts'],
  ['set weights', 'src/chain/weights/weight-setter.ts'],
])('whoever searches for "%s" finds %s', (word, file) => {
  expect(read(file).toLowerCase()).toContain(word);
});

test('each answer of the tour names files that hold what it says to look for', () => {
  const answers = rows(section('The tour')).slice(1);
  expect(answers).toHaveLength(5);
  const lost = answers.flatMap(([question, file, hint]) => {
    const [path] = inTicks(file!);
    const [name] = inTicks(hint!);
    return read(path!).includes(name!) ? [] : [question];
  });
  expect(lost).toEqual([]);
});

test('the table of the tests has every room, and each once', () => {
  const listed = rows(section('Tests')).flatMap(([room]) => inTicks(room!));
  const rooms = readdirSync(`${ROOT}test`, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && files(`test/${entry.name}`).some((name) => name.endsWith('.test.ts')))
    .map(({ name }) => `test/${name}`);
  expect(listed.sort()).toEqual(rooms.sort());
});

test('examples/README.md lists every file, and as programs those that run', () => {
  const text = read('examples/README.md');
  const scripts = readdirSync(`${ROOT}examples`).filter((name) => name.endsWith('.ts'));
  expect(scripts.filter((name) => !text.includes(`](${name})`))).toEqual([]);
  const runs = scripts.filter((name) => read(`examples/${name}`).includes('await runAsMain('));
  const [programs] = text.split('What they share:');
  expect(scripts.filter((name) => programs!.includes(`](${name})`))).toEqual(runs);
});

test('docs/architecture.md draws every folder of src', () => {
  const [house] = read('docs/architecture.md').split('## Errors are ours');
  const folders = readdirSync(`${ROOT}src`, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(folders.map(({ name }) => name).filter((name) => !new RegExp(`\\b${name}\\b`).test(house!))).toEqual([]);
});
