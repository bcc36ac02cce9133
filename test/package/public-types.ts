import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { APART, PURPOSES } from './doors.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SOURCE = `${ROOT}src/`;
const ENTRIES = ['src/index', ...[...PURPOSES, ...APART].map((door) => `src/doors/${door}`), 'src/local/index'];
/** A validator is put together from what these doors open. */
const STANDS_ON: Record<string, string[]> = {
  'src/doors/fleet': ['src/doors/validator', 'src/doors/chain', 'src/doors/dataset', 'src/doors/trainer'],
  'src/doors/validator': ['src/doors/chain', 'src/doors/dataset', 'src/doors/trainer'],
  'src/doors/operator': ['src/doors/validator', 'src/doors/chain', 'src/doors/dataset', 'src/doors/trainer'],
};

export interface PublicTypes {
  /** Types of ours that a public signature of an entry mentions and that entry does not export. */
  unnamed: string[];
  /** Classes with private members that a parameter of an entry asks for: nobody else can make such an object. */
  closed: string[];
  /** Types of packages that a public signature mentions: `package: name`. */
  foreign: string[];
}

/**
 * Walks the declarations that users get, from what each entry exports to every type that is mentioned on the way. The
 * compiler writes them first, so that an inferred type is mentioned too, and private members have none.
 */
export function publicTypes(): PublicTypes {
  const program = declarations();
  const found = ENTRIES.map((entry) => walk(program, entry, STANDS_ON[entry]));
  return {
    unnamed: found.flatMap(({ unnamed }) => unnamed),
    closed: found.flatMap(({ closed }) => closed),
    foreign: [...new Set(found.flatMap(({ foreign }) => foreign))].sort(),
  };
}

function walk(program: ts.Program, entry: string, standsOn: string[] = []): PublicTypes {
  const checker = program.getTypeChecker();
  const exportsOf = (name: string) =>
    checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(`${ROOT}${name}.d.ts`)!)!);
  const resolved = (symbol: ts.Symbol) =>
    checker.getExportSymbolOfSymbol(symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol);
  const exports = exportsOf(entry);
  const exported = new Set(exports.map(resolved));
  const importable = new Set([...exported, ...standsOn.flatMap(exportsOf).map(resolved)]);
  const values = new Set(exports.filter((symbol) => !isTypeOnly(symbol)).map(resolved));

  const unnamed = new Set<string>();
  const foreign = new Set<string>();
  const closed = new Set<string>();
  const seen = new Set<ts.Symbol>();
  const asked = new Set<ts.Symbol>();
  const ask = (node: ts.Node, from: string) => {
    const found = checker.getSymbolAtLocation(node);
    const symbol = found && resolved(found);
    if (!symbol || asked.has(symbol)) return;
    asked.add(symbol);
    for (const declaration of symbol.declarations ?? []) {
      if (!declaration.getSourceFile().fileName.startsWith(SOURCE)) continue;
      if (isClosed(declaration)) closed.add(`${entry}: ${symbol.getName()}, asked for by ${from}`);
      else mentions(declaration, false, (next) => ask(next, symbol.getName()));
    }
  };
  const visit = (symbol: ts.Symbol, from: string) => {
    for (const declaration of symbol.declarations ?? []) {
      if (isParameter(declaration)) continue;
      const { fileName } = declaration.getSourceFile();
      const name = `${symbol.getName()}`;
      if (!fileName.startsWith(SOURCE)) {
        const owner = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules)/.exec(fileName)?.[1];
        if (owner && !['typescript', '@types/node', 'undici-types'].includes(owner)) foreign.add(`${owner}: ${name}`);
        continue;
      }
      if (!importable.has(symbol) && isNamed(declaration))
        unnamed.add(`${entry}: ${name} (${fileName.slice(ROOT.length)}), used by ${from}`);
      if (seen.has(symbol)) continue;
      seen.add(symbol);
      for (const parameter of parametersOf(declaration, values.has(symbol)))
        mentions(parameter, false, (node) => ask(node, name));
      mentions(declaration, values.has(symbol), (node) => {
        const next = checker.getSymbolAtLocation(node);
        if (next) visit(resolved(next), name);
      });
    }
  };
  for (const symbol of exported) visit(symbol, 'an export');
  return { unnamed: [...unnamed].sort(), closed: [...closed].sort(), foreign: [...foreign] };
}

/** The program of the declarations that the compiler writes for the entries, in memory. */
function declarations(): ts.Program {
  const config = ts.readConfigFile(`${ROOT}tsconfig.json`, ts.sys.readFile).config;
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, ROOT);
  const emitted = new Map<string, string>();
  const source = ts.createProgram(
    ENTRIES.map((entry) => `${ROOT}${entry}.ts`),
    { ...options, noEmit: false, declaration: true, emitDeclarationOnly: true, removeComments: true },
  );
  source.emit(undefined, (path, text) => emitted.set(path, text.replace(/(\.\.?\/[\w./-]+)\.ts(?=['"])/g, '$1.js')));
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile } = host;
  const isOurs = (path: string) => path.startsWith(SOURCE);
  host.fileExists = (path) => (isOurs(path) ? emitted.has(path) : fileExists(path));
  host.readFile = (path) => (isOurs(path) ? emitted.get(path) : readFile(path));
  host.getSourceFile = (path, version) => {
    const text = host.readFile(path);
    return text === undefined ? undefined : ts.createSourceFile(path, text, version, true);
  };
  host.directoryExists = (path) => isOurs(`${path}/`) || ts.sys.directoryExists(path) || path === dirname(SOURCE);
  const roots = ENTRIES.map((entry) => `${ROOT}${entry}.d.ts`);
  return ts.createProgram(roots, { ...options, paths: {} }, host);
}

/** The names in a declaration that stand for types. Who has only the type of a class cannot call its constructor. */
function mentions(node: ts.Node, constructible: boolean, found: (name: ts.Node) => void): void {
  if (ts.isConstructorDeclaration(node) && !constructible) return;
  if (ts.isTypeReferenceNode(node)) found(node.typeName);
  else if (ts.isExpressionWithTypeArguments(node)) found(node.expression);
  else if (ts.isTypeQueryNode(node)) found(node.exprName);
  else if (ts.isImportTypeNode(node) && node.qualifier) found(node.qualifier);
  ts.forEachChild(node, (child) => mentions(child, constructible, found));
}

/** Those of a function, or of the methods of a class and its constructor. */
function parametersOf(node: ts.Node, constructible: boolean): ts.Node[] {
  if (ts.isConstructorDeclaration(node) && !constructible) return [];
  if (ts.isParameter(node)) return [node];
  const found: ts.Node[] = [];
  ts.forEachChild(node, (child) => void found.push(...parametersOf(child, constructible)));
  return found;
}

const isClosed = (node: ts.Node) =>
  ts.isClassDeclaration(node) &&
  node.members.some(
    (member) =>
      (member.name && ts.isPrivateIdentifier(member.name)) ||
      (!ts.isConstructorDeclaration(member) && ts.getCombinedModifierFlags(member) & ts.ModifierFlags.Private),
  );

function isTypeOnly(symbol: ts.Symbol): boolean {
  return (symbol.declarations ?? []).some((node) => ts.isExportSpecifier(node) && ts.isTypeOnlyExportDeclaration(node));
}

const isParameter = (node: ts.Node) => ts.isTypeParameterDeclaration(node) || ts.isParameter(node);

/** What a program could import by its name. */
function isNamed(node: ts.Node): boolean {
  return (
    ts.isInterfaceDeclaration(node) ||
    ts.isTypeAliasDeclaration(node) ||
    ts.isClassDeclaration(node) ||
    ts.isEnumDeclaration(node)
  );
}
