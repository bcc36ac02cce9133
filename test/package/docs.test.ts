import { readdirSync, readFileSync } from 'node:fs';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { FIXES } from '../../src/chain/transaction/fixes.ts';
import { ERRORS } from '../../src/local/chain/description/errors.ts';
import { VerdictReason } from '../../src/schema/verdict.ts';
import { LEAST_FACTS } from '../errors/any-error.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const headings = (text: string) =>
  text
    .split('\n')
    .filter((line) => line.startsWith('### '))
    .map((line) => line.slice(4));

test('docs/errors.md explains every error code and every verdict, and nothing else', () => {
  const codes = Object.keys(LEAST_FACTS);
  expect(codes.length).toBeGreaterThan(10);
  expect(headings(read('docs/errors.md'))).toEqual([...codes, ...VerdictReason.options]);
});

test('docs/errors.md names the facts of every code, those that are always there first', () => {
  const told = read('docs/errors.md')
    .split(/^### /m)
    .flatMap((section) => {
      const facts = /^Facts(?:: (.+?))?(?:(?:; where|, each where it is) known:? (.+))?\.$/m.exec(section);
      return facts ? [[section.split('\n')[0], inTicks(facts[1]), inTicks(facts[2])]] : [];
    });
  expect(told).toEqual(declaredFacts().filter(([, always, sometimes]) => always.length + sometimes.length > 0));
});

const inTicks = (text = '') => [...text.matchAll(/`(\w+)`/g)].map((match) => match[1]!);

/** Each code of src/errors/facts.ts with the facts it always has, and those it may have. */
function declaredFacts(): [code: string, always: string[], sometimes: string[]][] {
  const source = ts.createSourceFile('facts.ts', read('src/errors/facts.ts'), ts.ScriptTarget.ESNext, true);
  const members = (node: ts.Node | undefined) =>
    node && (ts.isInterfaceDeclaration(node) || ts.isTypeLiteralNode(node))
      ? node.members.filter(ts.isPropertySignature)
      : [];
  const nameOf = ({ name }: ts.PropertySignature) => (name as ts.Identifier | ts.StringLiteral).text;
  return source.statements.flatMap(members).map((code) => {
    const facts = members(code.type);
    const isOptional = ({ questionToken }: ts.PropertySignature) => questionToken !== undefined;
    return [nameOf(code), facts.filter((fact) => !isOptional(fact)).map(nameOf), facts.filter(isOptional).map(nameOf)];
  });
}

test('docs/chain.md lists the errors of the chain by name, with what the library says to do', () => {
  const rows = [...read('docs/chain.md').matchAll(/^\| ((?:`\w+`(?:, )?)+) \| (.+) \|$/gm)].flatMap(([, names, fix]) =>
    names!.split(', ').map((name) => [name.slice(1, -1), fix]),
  );
  const known = Object.entries(FIXES);
  expect(known.length).toBeGreaterThan(20);
  expect(rows.filter(([name]) => name! in FIXES)).toEqual(known);
});

test('every error of Subtensor from spec 219 to 475 comes with what to do', () => {
  const ofCommitments = `TooManyFieldsInCommitmentInfo AccountNotAllowedCommit CommitmentSetRateLimitExceeded
    SpaceLimitExceeded UnexpectedUnreserveLeftover TimelockRevealFailedNotAllowed`.split(/\s+/);
  const names = [...ERRORS.map(({ name }) => name), ...ofCommitments];
  expect(names.filter((name) => !(name in FIXES))).toEqual([]);
});

test('links between the documents lead somewhere', () => {
  const files = [
    'README.md',
    'CHANGELOG.md',
    'CONTRIBUTING.md',
    'SECURITY.md',
    'examples/README.md',
    ...readdirSync(new URL('../../docs', import.meta.url), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .map((name) => `docs/${name}`),
  ];
  const broken = files.flatMap((file) =>
    [...read(file).matchAll(/\]\(((?!https?:|mailto:)[^)\s]+)\)/g)]
      .map((match) => match[1]!)
      .filter((link) => !leads(link, file))
      .map((link) => `${file}: ${link}`),
  );
  expect(broken).toEqual([]);
});

function leads(link: string, from: string): boolean {
  const [path = '', anchor] = link.split('#');
  const target = new URL(path || from.split('/').at(-1)!, new URL(`../../${from}`, import.meta.url));
  try {
    if (target.pathname.endsWith('/')) return readdirSync(target).length > 0;
    const text = readFileSync(target, 'utf8');
    return !anchor || anchors(text).includes(anchor);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EISDIR';
  }
}

/** The anchors that a Markdown page gets from its headings. */
function anchors(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map((match) =>
    match[1]!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

test('no document, example of a docstring or flag gives a subnet of a public network: numbers change hands', () => {
  const sources = readdirSync(new URL('../../src', import.meta.url), { recursive: true, encoding: 'utf8' });
  const files = [
    'README.md',
    ...readdirSync(new URL('../../docs', import.meta.url), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .map((name) => `docs/${name}`),
    ...sources.filter((name) => name.endsWith('.ts') && !name.startsWith('local/')).map((name) => `src/${name}`),
    'examples/options.ts',
  ];
  const named = files.flatMap((file) =>
    [...read(file).matchAll(/--netuid \d+|netuid: \d+|\b(subnet|metagraph|epoch|commitments)\(\d+\)/g)].map(
      ([text]) => `${file}: ${text}`,
    ),
  );
  expect(named).toEqual([]);
});
