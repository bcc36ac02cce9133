import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { documentOf } from '../../src/page/document.ts';
import { html } from '../../src/page/html.ts';

const HERE = fileURLToPath(new URL('./', import.meta.url));

/** A page on which a dataset is checked that is dropped there: `flock-off/schema` in one file, which leaves the browser nowhere. */
export async function checkPage(): Promise<string> {
  const bundled = await build({
    entryPoints: [join(HERE, 'check-page.mjs'), join(HERE, 'check-page.css')],
    ...{ bundle: true, minify: true, write: false, outdir: HERE, format: 'iife', logLevel: 'silent', target: 'es2022' },
  });
  const textOf = (end: string) =>
    bundled.outputFiles.find(({ path }) => path.endsWith(end))!.text.replaceAll('</', '<\\/');
  const body = html`<main>
    <h1>Check a dataset</h1>
    <p>What a validator would say of your <code>data.jsonl</code> before it trains on it. The file stays in this browser: the page has no way to send anything.</p>
    <label id="drop"><input type="file" id="file"><strong>Drop a file here</strong><span>or choose one</span></label>
    <section id="result" aria-live="polite" hidden></section>
    <p class="note">Checked are the rules that every competition has unless it says otherwise. Whose rows they are, how many tokens they have and how good they are for a model is found elsewhere: <code>npx flock-off check</code> counts tokens, <code>npx flock-off local</code> trains.</p>
    <p class="note"><a href="index.html">Documentation</a> <a href="documents/docs_refused.html">Why is my dataset refused?</a></p>
  </main>`;
  return documentOf({
    ...{ title: 'Check a dataset \u2013 flock-off', body, data: null, live: false },
    assets: { style: textOf('.css'), scripts: [textOf('.js')] },
  });
}
