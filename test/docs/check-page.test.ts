import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkPage } from '../../docs/site/check-page.ts';
import { findChromium } from '../package/chromium.ts';
import { Browser } from '../page/browser.ts';

const chromium = await findChromium();
let folder: string;
let page: string;
let browser: Browser | undefined;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flock-off-check-page-'));
  page = await checkPage();
  await writeFile(join(folder, 'check.html'), page);
  if (chromium) browser = await Browser.open(chromium);
  else console.warn('skipped: no Chromium here, so nothing is dropped on the page');
}, 60_000);
afterAll(async () => {
  await browser?.close();
  await rm(folder, { recursive: true, force: true });
});

test('the page has no way to send what is dropped on it', () => {
  expect(page).toMatch(
    /content="default-src 'none'; style-src 'sha256-[\w+/=]+'; script-src 'sha256-[\w+/=]+'; img-src data:; base-uri 'none'; form-action 'none'"/,
  );
});

const ROW = '{"conversations": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]}';

/** What the page says of a file that is dropped on it. */
async function drop(name: string, text: string): Promise<unknown> {
  const { value, complaints, requests } = await browser!.look({
    url: pathToFileURL(join(folder, 'check.html')).href,
    ...{
      width: 360,
      screenshot: process.env.SCREENSHOTS && join(process.env.SCREENSHOTS, `check-${name.replace(/\W/g, '')}.png`),
    },
    script: `const transfer = new DataTransfer();
      transfer.items.add(new File([${JSON.stringify(text)}], ${JSON.stringify(name)}));
      document.getElementById('drop').dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }));
      for (let i = 0; i < 100 && !document.querySelector('#result h2'); i++) await new Promise((resolve) => setTimeout(resolve, 20));
      return [document.querySelector('#result h2').textContent, document.querySelector('#result p').textContent, document.images.length, document.documentElement.scrollWidth];`,
  });
  expect([complaints, requests]).toEqual([[], []]);
  return value;
}

describe.skipIf(!chromium)('in Chromium', () => {
  test('a dataset that is dropped there is checked as a validator checks it', async () => {
    expect(await drop('data.jsonl', `${ROW}\n${ROW.replace('Hi', 'Hey')}\n`)).toEqual([
      'Valid',
      'A validator would train on it.',
      ...[0, 360],
    ]);
    expect(await drop('data.jsonl', `${ROW}\n`)).toEqual([
      'Refused: row-count',
      'the file has 1 rows, at least 2 are needed',
      ...[0, 360],
    ]);
  }, 60_000);

  test('markup in a file or its name stays text', async () => {
    const [title] = (await drop(
      '<img src=x onerror=alert(1)>.jsonl',
      `{"<img src=x onerror=alert(1)>": 1}\n`,
    )) as string[];
    expect(title).toBe('Refused: invalid-rows');
  }, 60_000);
});
