import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { APART } from '../package/doors.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DOORS = {
  'flock-off': 'src/index.ts',
  ...Object.fromEntries(APART.map((door) => [`flock-off/${door}`, `src/doors/${door}.ts`])),
  'flock-off/local': 'src/local/index.ts',
};

export interface Example {
  /** Such as `src/queue/eval-queue.ts`. */
  file: string;
  code: string;
}

export interface CheckedExamples {
  /** What the compiler says of them, with the file. */
  problems: string[];
  /** How many functions, classes, schemas and constants all doors have. */
  count: number;
  /** Functions, classes, schemas and constants of all doors that no example and no program of the docs uses. */
  unshown: string[];
  /** Types of all doors that no declaration of those mentions, nor what they mention. */
  unmentioned: string[];
}

/** Every `@example` of src, as it stands in its comment. */
function examplesOf(file: string): Example[] {
  const text = readFileSync(`${ROOT}${file}`, 'utf8');
  return [...text.matchAll(/\/\*\*[\s\S]*?\*\//g)].flatMap(([comment]) => {
    const lines = comment
      .replace(/^\/\*\*|\*\/$/g, '')
      .split('\n')
      .map((line) => line.replace(/^\s*\* ?/, ''));
    const at = lines.findIndex((line) => line.startsWith('@example'));
    if (at < 0) return [];
    const end = lines.findIndex((line, i) => i > at && line.startsWith('@'));
    const code = lines
      .slice(at, end < 0 ? undefined : end)
      .join('\n')
      .replace('@example', '')
      .trim();
    return { file, code };
  });
}

/** Programs of the guides. */
function programsOf(file: string): string[] {
  return [...readFileSync(`${ROOT}${file}`, 'utf8').matchAll(/^```ts\n([\s\S]*?)^```/gm)].map((match) => match[1]!);
}

/**
 * Compiles every example as a file of its own. What it takes from the package is imported for it; a name in small letters
 * that it does not declare is something of the reader's, such as `netuid`.
 */
export function checkExamples({ more = [] }: { more?: Example[] } = {}): CheckedExamples {
  const sources = readdirSync(`${ROOT}src`, { recursive: true, encoding: 'utf8' });
  const examples = sources.filter((name) => name.endsWith('.ts')).flatMap((name) => examplesOf(`src/${name}`));
  const { config } = ts.readConfigFile(`${ROOT}tsconfig.json`, ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: ['src/index.ts'] }, ts.sys, ROOT);
  // With a browser's names: some of what is shown runs there.
  const compilerOptions = { ...options, lib: ['lib.es2023.d.ts', 'lib.dom.d.ts'] };
  const entries = Object.values(DOORS).map((path) => `${ROOT}${path}`);
  const host = ts.createCompilerHost(compilerOptions);
  const { getSourceFile, fileExists, readFile } = host;
  // Both programs read the same files: once is enough.
  const parsed = new Map<string, ts.SourceFile | undefined>();
  host.getSourceFile = (path, ...rest) => {
    if (!parsed.has(path)) parsed.set(path, getSourceFile(path, ...rest));
    return parsed.get(path);
  };
  const doors = ts.createProgram(entries, compilerOptions, host);
  const known = publicNames(doors);
  const files = new Map(
    [...examples, ...more].map((example, i) => [
      `${ROOT}example-${i}.ts`,
      { ...example, text: whole(example.code, known) },
    ]),
  );
  host.fileExists = (path) => files.has(path) || fileExists(path);
  host.readFile = (path) => files.get(path)?.text ?? readFile(path);
  for (const [path, { text }] of files) parsed.set(path, ts.createSourceFile(path, text, ts.ScriptTarget.ES2022));
  const program = ts.createProgram([...files.keys()], compilerOptions, host);
  const problems = [...files].flatMap(([path, { file }]) => {
    const source = program.getSourceFile(path)!;
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    return found
      .filter((diagnostic) => !isOfTheReader(diagnostic))
      .map(({ messageText }) => `${file}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`);
  });
  const guides = [
    'README.md',
    ...readdirSync(`${ROOT}docs`)
      .filter((name) => name.endsWith('.md'))
      .map((name) => `docs/${name}`),
  ];
  const words = new Set(
    [...examples.map(({ code }) => code), ...guides.flatMap(programsOf)].flatMap(
      (code) => code.match(/[A-Za-z_]\w*/g) ?? [],
    ),
  );
  const namesOf = (values: boolean) => [...known].filter(([, { isValue }]) => isValue === values);
  const [values, types] = [namesOf(true), namesOf(false)];
  const mentioned = mentionedBy(doors, values);
  return {
    ...{ problems, count: values.length },
    unshown: values.flatMap(([name]) => (words.has(name) ? [] : name)),
    unmentioned: types.flatMap(([name, { symbol }]) => (mentioned.has(symbol) || words.has(name) ? [] : name)),
  };
}

interface PublicName {
  door: string;
  isValue: boolean;
  symbol: ts.Symbol;
}

function publicNames(program: ts.Program): Map<string, PublicName> {
  const checker = program.getTypeChecker();
  const names = new Map<string, PublicName>();
  for (const [door, path] of Object.entries(DOORS)) {
    const symbol = checker.getSymbolAtLocation(program.getSourceFile(`${ROOT}${path}`)!)!;
    for (const one of checker.getExportsOfModule(symbol)) {
      const meant = one.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(one) : one;
      const isValue = (meant.flags & ts.SymbolFlags.Value) !== 0 && !isTypeOnly(one);
      if (!names.has(one.name)) names.set(one.name, { door, isValue, symbol: meant });
    }
  }
  return names;
}

function isTypeOnly(symbol: ts.Symbol): boolean {
  return (symbol.declarations ?? []).some((node) => ts.isExportSpecifier(node) && ts.isTypeOnlyExportDeclaration(node));
}

/** All that declarations name, and what is named there, and so on. */
function mentionedBy(program: ts.Program, names: [string, PublicName][]): Set<ts.Symbol> {
  const checker = program.getTypeChecker();
  const found = new Set<ts.Symbol>();
  const visit = (symbol: ts.Symbol) => {
    if (found.has(symbol)) return;
    found.add(symbol);
    for (const declaration of symbol.declarations ?? [])
      if (declaration.getSourceFile().fileName.startsWith(`${ROOT}src/`)) look(declaration);
  };
  const look = (node: ts.Node) => {
    if (ts.isBlock(node)) return;
    if (ts.isIdentifier(node)) {
      const symbol = checker.getSymbolAtLocation(node);
      if (symbol) visit(symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol);
    }
    ts.forEachChild(node, look);
  };
  for (const [, { symbol }] of names) visit(symbol);
  return found;
}

function whole(code: string, known: Map<string, PublicName>): string {
  const used = new Set(code.match(/(?<![\w.'])[A-Za-z_]\w*/g));
  const declared = new Set([...code.matchAll(/(?:const|let|function|class) (\w+)/g)].map((match) => match[1]!));
  const imports = [...known].flatMap(([name, { door, isValue }]) =>
    used.has(name) && !declared.has(name) ? `import { ${isValue ? '' : 'type '}${name} } from '${door}';` : [],
  );
  return `${imports.join('\n')}\nexport {};\n${code}\n`;
}

/** A name, or the value of a name, that the reader has. */
function isOfTheReader({ code, messageText }: ts.Diagnostic): boolean {
  const name = /'(\w+)'/.exec(ts.flattenDiagnosticMessageText(messageText, ' '))?.[1] ?? '';
  return [2304, 2552, 18004].includes(code) && /^[a-z]/.test(name);
}
