import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { onDisk } from '../shared/on-disk.ts';
import { PACKAGE_FOLDER } from '../shared/own-package.ts';
import { Html, type HtmlPart, html, jsonData } from './html.ts';

/** What a page is made with: the texts of its style and scripts. */
export interface PageAssets {
  style: string;
  /** uPlot, then the page's own. */
  scripts: string[];
}

/** @throws FlockOffError `disk` where a part of the package is missing. */
export async function readAssets(): Promise<PageAssets> {
  const own = (name: string) => textOf(join(PACKAGE_FOLDER, 'src', 'page', 'browser', name));
  const { resolve } = createRequire(import.meta.url);
  const plots = (name: string) => textOf(resolve(`uplot/${name}`));
  const [style, script, plotStyle, plotScript, licence] = await Promise.all([
    own('page.css'),
    own('page.mjs'),
    plots('dist/uPlot.min.css'),
    plots('dist/uPlot.iife.min.js'),
    plots('LICENSE'),
  ]);
  return { style: `${plotStyle}\n${style}`, scripts: [`/*\nuPlot\n${licence}*/\n${plotScript}`, script] };
}

function textOf(path: string): Promise<string> {
  return onDisk({ path, fix: 'install flock-off again' }, () => readFile(path, 'utf8'));
}

export interface DocumentParameters {
  title: string;
  body: HtmlPart;
  /** For the page's script. */
  data: unknown;
  assets: PageAssets;
  /** Whether it is served, and asks for what is new. */
  live: boolean;
}

/**
 * The whole file. The browser is told to run the two scripts that are in it and nothing else, and to ask nobody for anything:
 * should a text of a miner ever pass for markup, it could do nothing.
 */
export function documentOf({ title, body, data, assets, live }: DocumentParameters): string {
  const { style, scripts } = assets;
  const policy = [
    "default-src 'none'",
    `style-src ${sourceOf(style)}`,
    `script-src ${scripts.map(sourceOf).join(' ')}`,
    'img-src data:',
    ...(live ? ["connect-src 'self'"] : []),
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const { markup } = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="content-security-policy" content="${new Html(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
${live && html`<noscript><meta http-equiv="refresh" content="30"></noscript>`}
<link rel="icon" href="data:,">
<title>${title}</title>
<style>${new Html(style)}</style>
</head>
<body>
${body}
${jsonData('data', data)}
${scripts.map((script) => html`<script>${new Html(script)}</script>\n`)}
</body>
</html>
`;
  return markup;
}

/** Names a text in the policy by its hash. */
function sourceOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
