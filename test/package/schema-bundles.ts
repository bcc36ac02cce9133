import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type BuildOptions, build } from 'esbuild';
import { checkDataset } from '../../src/dataset/check.ts';
import { Competition } from '../../src/schema/competition.ts';
import { lines } from '../dataset/temp-folder.ts';

const RULES = { minRows: 2, maxRows: 40, maxLineBytes: 400, maxBytes: 20_000 };

/** Files of every kind: good ones, rows that are none, other formats, other encodings, and too much. */
const FILES: (string | Uint8Array)[] = [
  lines(3),
  lines(3).trimEnd(),
  lines(2, 'Wie heißt „日本“ \u200b?'),
  '',
  '\n',
  lines(1),
  lines(41),
  lines(200),
  `${lines(2)}{"conversations": []}\n`,
  `${lines(2)}${'x'.repeat(401)}\n`,
  `\ufeff${lines(2)}`,
  '{"instruction": "a", "output": "b"}\n'.repeat(3),
  `[${lines(3).trim().split('\n').join(',\n')}]`,
  'question,answer\n1,2\n',
  '<html><body>404</body></html>',
  Buffer.from(`caf\u00e9\n${lines(2)}`, 'latin1'),
  Buffer.from(lines(3), 'utf16le'),
  gzipSync(lines(3)),
  new Uint8Array(100),
];

/** What users write: it is bundled, and runs with nothing else beside it. */
const PROGRAM = `
  import { checkBytes, Competition } from 'flock-off/schema';
  const bytesOf = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  export async function checkAll() {
    const competition = Competition.parse(${JSON.stringify(RULES)});
    const files = ${JSON.stringify(FILES.map((file) => Buffer.from(file).toString('base64')))};
    return JSON.stringify(await Promise.all(files.map((file) => checkBytes({ bytes: bytesOf(file), competition }))));
  }`;

/** What `checkDataset` says of the same files, on a disk. */
export async function expectedChecks(folder: string): Promise<unknown[]> {
  await mkdir(folder, { recursive: true });
  const competition = Competition.parse(RULES);
  const path = join(folder, 'data.jsonl');
  const checks: unknown[] = [];
  for (const file of FILES) {
    await writeFile(path, file);
    checks.push(await checkDataset({ path, competition }));
  }
  return JSON.parse(JSON.stringify(checks));
}

/** Bundles the program with the package that is installed in `project`. */
export function bundleProgram(project: string, options: BuildOptions): Promise<string> {
  return bundle(project, PROGRAM, options);
}

export async function bundle(project: string, contents: string, options: BuildOptions): Promise<string> {
  const stdin = { contents, resolveDir: project };
  const { outputFiles } = await build({
    stdin,
    bundle: true,
    minify: true,
    write: false,
    logLevel: 'silent',
    ...options,
  });
  return outputFiles![0]!.text;
}
