// Builds the site into a folder, `site` by default: guides, the reference of every public name, and the page that checks a
// dataset. Nothing of it needs a network, the search neither.
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Application, OptionDefaults } from 'typedoc';
import { checkPage } from './check-page.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** Stands in links until it is known from how deep they lead. */
const CHECK_PAGE = 'https://check-page.invalid/';

/**
 * Replaces the folder, which must be empty, absent, or an earlier site. Prints what TypeDoc warns of, such as a link that leads
 * nowhere.
 */
export async function buildSite(out: string): Promise<{ pages: number; isWhole: boolean }> {
  await requireSite(out);
  process.chdir(ROOT);
  const app = await Application.bootstrapWithPlugins({
    name: 'flock-off',
    entryPoints: ['schema', 'dataset', 'chain', 'trainer', 'validator', 'operator', 'fleet']
      .map((door) => `src/doors/${door}.ts`)
      .concat('src/local/index.ts', 'src/index.ts'),
    tsconfig: 'tsconfig.json',
    readme: 'README.md',
    projectDocuments: [
      'docs/*.md',
      'docs/monitoring/*.md',
      'CHANGELOG.md',
      'CONTRIBUTING.md',
      'SECURITY.md',
      'examples/README.md',
    ],
    navigationLinks: { 'Check a dataset': CHECK_PAGE },
    highlightLanguages: [...OptionDefaults.highlightLanguages, 'jsonl'],
    searchInDocuments: true,
    searchInComments: true,
    excludeInternal: true,
    excludePrivate: true,
    excludeExternals: true,
    // `npm run typecheck` says the same, sooner.
    skipErrorChecking: true,
    disableSources: true,
    hideGenerator: true,
    githubPages: false,
    cacheBust: false,
    logLevel: 'Warn',
  });
  const project = await app.convert();
  if (!project) throw new Error('TypeDoc could not read the sources');
  // As users import them.
  for (const door of project.children ?? [])
    door.name = door.name === 'index' ? 'flock-off' : `flock-off/${door.name.replace('doors/', '')}`;
  await rm(out, { recursive: true, force: true });
  await app.generateDocs(project, out);
  await writeFile(join(out, 'check.html'), await checkPage());
  const files = (await readdir(out, { recursive: true })).filter((name) => name.endsWith('.html'));
  for (const name of files) {
    const path = join(out, name);
    const text = await readFile(path, 'utf8');
    const linked = text.replaceAll(
      CHECK_PAGE,
      relative(join(path, '..'), join(out, 'check.html')).replaceAll('\\', '/'),
    );
    if (linked !== text) await writeFile(path, linked);
  }
  return { pages: files.length, isWhole: !app.logger.hasErrors() };
}

/** Whatever else is in the folder would be lost. */
async function requireSite(out: string): Promise<void> {
  const names = await readdir(out).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  if (names.length > 0 && !names.includes('check.html'))
    throw new Error(
      `${out} holds something else than a site, which would be removed: name another folder, or empty it`,
    );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const out = resolve(process.argv[2] ?? join(ROOT, 'site'));
  const { pages, isWhole } = await buildSite(out);
  console.log(`${out}: ${pages} pages`);
  process.exitCode = isWhole ? 0 : 1;
}
