import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { html, jsonData } from '../../src/page/html.ts';
import { ReportReader } from '../../src/page/report-reader.ts';
import { TrainingRuns } from '../../src/page/training-runs.ts';
import { runCommand } from '../../src/setup/run-command.ts';
import { findChromium } from '../package/chromium.ts';
import { Browser } from './browser.ts';
import { HOSTILE, makeValidator } from './made-validator.ts';

const CLI = fileURLToPath(new URL('../../src/cli/index.ts', import.meta.url));
const EPOCHS = 8;
const MINERS = 40;
const chromium = await findChromium();
let folder: string;
let page: string;
let browser: Browser | undefined;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flock-off-page-'));
  await makeValidator({ folder, epochs: EPOCHS, miners: MINERS });
  const { code, stdout, stderr } = await report(folder);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/^report\.html: 8 epochs, \d+ training runs, \d+ kB\n$/);
  page = await readFile(join(folder, 'report.html'), 'utf8');
  if (chromium) browser = await Browser.open(chromium);
  else console.warn('skipped: no Chromium here, so the page is not looked at in a browser');
}, 120_000);
afterAll(async () => {
  await browser?.close();
  await rm(folder, { recursive: true, force: true });
});

function report(...args: string[]) {
  return runCommand({
    command: process.execPath,
    args: ['--import', import.meta.resolve('tsx'), CLI, 'report', ...args],
    cwd: folder,
    env: process.env,
    timeoutMs: 60_000,
  });
}

const look = (parameters: Omit<Parameters<Browser['look']>[0], 'url'>) =>
  browser!.look({ url: pathToFileURL(join(folder, 'report.html')).href, ...parameters });

test('of several competitions each has a page, with links to the others', async () => {
  const data = join(folder, 'data');
  const copy = async (to: string, competition: string, from = join(folder, 'reports')) => {
    await cp(from, to, { recursive: true });
    for (const name of await readdir(to)) {
      const receipt = JSON.parse(await readFile(join(to, name), 'utf8'));
      receipt.competition = competition;
      receipt.inputs.competition.id = competition;
      await writeFile(join(to, name), JSON.stringify(receipt));
    }
  };
  await copy(join(data, 'competitions', 'chat', 'reports'), 'chat');
  await copy(join(data, 'competitions', 'code', 'reports'), 'code');
  await mkdir(join(data, 'competitions', 'new', 'reports'), { recursive: true });
  // Of what was played alone before.
  await copy(join(data, 'reports'), 'chat');
  await rm(join(data, 'reports', `epoch-${360 * EPOCHS}.json`));
  const { code, stdout, stderr } = await report(data, '-o', 'all.html');
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout.split('\n').map((line) => line.replace(/\d+ kB$/, 'kB').replace(data, ''))).toEqual([
    'all.html: competition chat, 8 epochs, 0 training runs, kB',
    'all-code.html: competition code, 8 epochs, 0 training runs, kB',
    '/competitions/new/reports holds no report of an epoch',
    '',
  ]);
  const tabs = /<nav class="tabs"[\s\S]*?<\/nav>/;
  expect(tabs.exec(await readFile(join(folder, 'all.html'), 'utf8'))![0]).toContain(
    '<a href="all.html" aria-current="page"><bdi>chat</bdi></a><a href="all-code.html"><bdi>code</bdi></a>',
  );
  expect(tabs.exec(await readFile(join(folder, 'all-code.html'), 'utf8'))![0]).toContain(
    '<a href="all-code.html" aria-current="page"><bdi>code</bdi></a>',
  );
  expect(page).not.toMatch(tabs);
}, 120_000);

describe('the file', () => {
  test('asks nobody for anything, and lets the browser run nothing but the two scripts that are in it', () => {
    expect(page).toMatch(
      /<meta http-equiv="content-security-policy" content="default-src 'none'; style-src 'sha256-[\w+/=]+'; script-src 'sha256-[\w+/=]+' 'sha256-[\w+/=]+'; img-src data:; base-uri 'none'; form-action 'none'">/,
    );
    const markup = page.replace(/<script[^>]*>[\s\S]*?<\/script>|<style>[\s\S]*?<\/style>/g, '');
    expect(markup).not.toMatch(/<[^>]*\s(on\w+|style|src)=/);
    expect([...markup.matchAll(/<[^>]*\s(?:href)="([^"#]*)/g)].map((match) => match[1]).filter(Boolean)).toEqual([
      'data:,',
    ]);
  });

  test('what miners wrote stands there as text', () => {
    expect(page).not.toContain(HOSTILE.pointer);
    expect(page).toContain('&lt;/script&gt;&lt;img src=x onerror=&quot;document.title=1&quot;&gt;');
    expect(page).toContain('&lt;svg onload=fetch(&quot;http://127.0.0.1:1/stolen&quot;)&gt;');
    expect(page).not.toContain('\u202e');
  });

  test('a folder without reports, or with files that are none, is told in a sentence', async () => {
    const empty = await mkdtemp(join(folder, 'empty-'));
    const none = await report(empty);
    expect([none.code, none.stdout]).toEqual([2, '']);
    expect(none.stderr).toMatch(/^\S+ holds no report of an epoch\. Pass the validator's data folder/);
    await writeFile(join(empty, 'epoch-360.json'), '{"format":"flock-off rec');
    const bad = await report(empty);
    expect([bad.code, bad.stderr.trim()]).toEqual([
      2,
      expect.stringContaining('epoch-360.json was left out: the file is cut off'),
    ]);
    const nowhere = await report(folder, '-o', join(empty, 'epoch-360.json', 'x.html'));
    expect(nowhere.code).toBe(3);
    expect(nowhere.stderr.trim().split('\n').length).toBe(1);
  }, 60_000);
});

test('html escapes what is put in, and nothing in data can end its element', () => {
  const hostile = `<b title='"'>&\u202e</b>`;
  expect(html`<i title="${hostile}">${[hostile, 1, null, false]}</i>`.markup).toBe(
    '<i title="&lt;b title=&#39;&quot;&#39;&gt;&amp;\ufffd&lt;/b&gt;">&lt;b title=&#39;&quot;&#39;&gt;&amp;\ufffd&lt;/b&gt;1</i>',
  );
  const { markup } = jsonData('data', { text: '</script><!--\u2028' });
  expect(markup).not.toMatch(/<(?!script type|\/script>$)/);
  expect(JSON.parse(markup.slice(markup.indexOf('>') + 1, markup.lastIndexOf('<')))).toEqual({
    text: '</script><!--\u2028',
  });
});

describe('what it is made of', () => {
  test('reports of another hotkey are left out, what is no report is named, and files are read once', async () => {
    const reports = join(folder, 'reports');
    const path = join(reports, 'epoch-720.json');
    const before = await readFile(path, 'utf8');
    const reader = new ReportReader({ folder: reports });
    try {
      expect((await reader.read()).epochs.map(({ startBlock }) => startBlock)).toEqual(
        Array.from({ length: EPOCHS }, (_, i) => 360 * (i + 1)),
      );
      await writeFile(path, before.replace(/"signer":"5/, '"signer":"6'));
      expect((await reader.read()).leftOut).toEqual([
        'epoch-720.json was left out: it is of another subnet, chain or hotkey',
      ]);
      await writeFile(path, 'x');
      const read = await reader.read();
      expect(read.leftOut).toEqual(['epoch-720.json was left out: the file is cut off, or no JSON at all']);
      expect([read.last?.startBlock, read.epochs.length]).toEqual([360 * EPOCHS, EPOCHS - 1]);
      const begun = performance.now();
      expect((await reader.read()).last).toBe(read.last);
      expect(performance.now() - begun).toBeLessThan(500);
    } finally {
      await writeFile(path, before);
    }
  });

  test('every run of the last two epochs is found by the name that its report gives it; half a line is left out', async () => {
    const { epochs } = await new ReportReader({ folder: join(folder, 'reports') }).read();
    const runs = await new TrainingRuns(join(folder, 'metrics')).read(epochs);
    expect(new Set(runs.map(({ startBlock }) => startBlock))).toEqual(new Set([360 * EPOCHS, 360 * (EPOCHS - 1)]));
    const alone = await mkdtemp(join(folder, 'metrics-'));
    const line = '{"step":1,"lossNatsPerToken":2,"gradNorm":null,"tokens":10,"durationMs":5}';
    await writeFile(join(alone, 'uid-3-0123456789abcdef.jsonl'), `${line}\n${line.slice(0, 20)}`);
    expect(await new TrainingRuns(alone).read(epochs)).toEqual([
      {
        uid: 3,
        startBlock: null,
        steps: 1,
        tokensPerSecond: 2000,
        durationMs: 5,
        points: [{ step: 1, loss: 2, gradNorm: null }],
      },
    ]);
  });
});

describe.skipIf(!chromium)('in Chromium', () => {
  test('it draws its plots, runs nothing that miners wrote, and asks for nothing', async () => {
    const { value, complaints, requests } = await look({
      script: `await new Promise((resolve) => setTimeout(resolve, 200));
        const drawn = [...document.querySelectorAll('.plot canvas')].map((canvas) => new Set(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data).size > 8);
        return { drawn, title: document.title, images: document.images.length, scripts: document.scripts.length };`,
    });
    expect([complaints, requests]).toEqual([[], []]);
    const title = `Subnet 7, epoch of block ${360 * EPOCHS} \u2013 flock-off`;
    expect(value).toEqual({ drawn: [true, true, true], title, images: 0, scripts: 3 });
  }, 60_000);

  test('it filters by result and by words, sorts, and keeps the choice in the address', async () => {
    const { value, complaints } = await look({
      script: `const rows = () => [...document.querySelectorAll('.standings tbody tr')].filter((row) => !row.hidden);
        const said = () => document.getElementById('shown').textContent;
        const first = [rows().length, said()];
        document.querySelector('.chip[data-kind="rejected"]').click();
        const refused = rows().map((row) => row.querySelector('.pill').textContent);
        document.querySelector('.chip[data-kind="rejected"]').click();
        const find = document.getElementById('find');
        find.value = 'earlier UID'; find.dispatchEvent(new Event('input'));
        const found = [rows().length, said(), location.hash];
        find.value = ''; find.dispatchEvent(new Event('input'));
        document.querySelector('th[data-sort="loss"] button').click();
        const losses = rows().map((row) => Number(row.dataset.loss));
        document.getElementById('all').click();
        return { first, refused, found, sorted: losses.every((loss, i) => i === 0 || loss >= losses[i - 1]), hash: location.hash, all: rows().length };`,
    });
    expect(complaints).toEqual([]);
    expect(value).toEqual({
      first: [24, `24 of ${MINERS} miners`],
      refused: ['duplicate', 'invalid-rows'],
      found: [1, `1 of ${MINERS} miners`, '#find=earlier+UID'],
      ...{ sorted: true, hash: '#sort=loss.up', all: MINERS },
    });
  }, 60_000);

  test('nothing is wider than the window, on a phone and a desk, in dark and in light', async () => {
    const widths = [];
    for (const [width, dark] of [
      [360, true],
      [360, false],
      [1440, true],
    ] as const) {
      const { value } = await look({
        ...{ width, dark },
        script: `for (const one of document.querySelectorAll('details')) one.open = true;
          return [document.documentElement.scrollWidth <= innerWidth, getComputedStyle(document.body).backgroundColor];`,
      });
      widths.push(value);
    }
    expect(widths).toEqual([
      [true, 'rgb(18, 19, 21)'],
      [true, 'rgb(250, 249, 247)'],
      [true, 'rgb(18, 19, 21)'],
    ]);
  }, 60_000);

  test('without scripts the tables stand, all rows of them, and no empty plot', async () => {
    const { value } = await look({
      scripts: false,
      script: `const shown = (some) => [...document.querySelectorAll(some)].filter((one) => one.checkVisibility()).length;
        return [shown('.standings tbody tr'), shown('.plot'), shown('svg.grid')];`,
    });
    expect(value).toEqual([MINERS, 0, 2]);
  }, 60_000);
});
