import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRow } from '../../src/dataset/parse-row.ts';
import { rowLine } from './temp-folder.ts';

const bytesOf = (text: string) => new TextEncoder().encode(text);
const problemOf = (text: string) => parseRow(bytesOf(text)).problem;

const turns = '[{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]';
const twice = 'a key occurs twice in one object';

describe('parseRow', () => {
  it('reads a row, whatever white space stands between its tokens', () => {
    const row = {
      conversations: [
        { role: 'user', content: 'a "b": {c}' },
        { role: 'assistant', content: 'ü\n😀\\' },
      ],
    };
    expect(parseRow(bytesOf(JSON.stringify(row)))).toEqual({ row });
    expect(parseRow(bytesOf(`  ${JSON.stringify(row, null, '\t').replaceAll('\n', '\r')} \r`))).toEqual({ row });
  });

  it.each([
    ['an empty line', '', 'empty line'],
    ['a blank line', ' \t\r', 'empty line'],
    ['a byte-order mark', `\ufeff${rowLine('a')}`, 'starts with a byte-order mark; save the file as UTF-8 without BOM'],
    ['a list', '[1]', 'Invalid input: expected object, received array'],
    ['a bare text', '"a"', 'Invalid input: expected object, received string'],
    ['other keys', '{"q": 1, "\\u001b[2J": 2}', 'no "conversations" among its keys ("q", "\ufffd[2J")'],
    [
      'many keys',
      JSON.stringify({ ...[...'abcdef'] }),
      'no "conversations" among its keys ("0", "1", "2", "3", "4", ...)',
    ],
    [
      'five keys, one of them long',
      JSON.stringify({ ...[...'abcd'], [`${'k'.repeat(40)}!`]: 1 }),
      `no "conversations" among its keys ("0", "1", "2", "3", "${'k'.repeat(40)}")`,
    ],
    ['no keys', '{}', 'no "conversations" among its keys (none)'],
    ['null', 'null', 'Invalid input: expected object, received null'],
    [
      'a system prompt that is none',
      '{"system": 1, "conversations": 2}',
      'system: Invalid input: expected string, received number',
    ],
    [
      'a wrong turn',
      '{"conversations": [{"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}]}',
      'conversations.0.role: expected user, saw assistant: turns alternate, starting with user',
    ],
    [
      'empty content',
      '{"conversations": [{"role": "user", "content": "a"}, {"role": "assistant", "content": " "}]}',
      'conversations.1.content: content is empty',
    ],
  ])('says the exact reason for %s', (_, line, problem) => {
    expect(problemOf(line)).toBe(problem);
  });

  it('gives lines with the same fault one kind, without what they say', () => {
    const kindsOf = (...lines: string[]) =>
      lines.map((line) => {
        const parsed = parseRow(bytesOf(line));
        return parsed.row ? null : parsed.kind;
      });
    expect(kindsOf('{"a": 1}', '{"b": 1}', '{}')).toEqual(Array(3).fill('no "conversations"'));
    expect(kindsOf('hello', '{"a"', '[1,]')).toEqual(Array(3).fill('not JSON'));
    expect(kindsOf('{"conversations": [1]}', '')).toEqual([
      'conversations.*: Invalid input: expected object, received number',
      'empty line',
    ]);
  });

  it.each([
    ['no JSON', 'hello'],
    ['a cut line', rowLine('a').slice(0, -1)],
    ['a raw NUL byte', `{"conversations": ${turns.replace('"a"', '"a\0"')}}`],
    ['a NUL byte behind the row', `${rowLine('a')}\0`],
    ['a raw tab in a text', `{"conversations": ${turns.replace('"a"', '"a\tb"')}}`],
    ['a lone backslash escape', '{"conversations": "\\x"}'],
    ['NaN', '{"conversations": NaN}'],
    ['a comment', '{"conversations": [] /* none */}'],
    ["something before Python's notation", "x {'conversations': []}"],
    ['a trailing comma', '{"conversations": [],}'],
    ['a space behind the row that JSON does not know', `${rowLine('a')}\u00a0`],
  ])('calls %s no JSON', (_, line) => {
    expect(problemOf(line)).toMatch(/^not JSON \(.+\)$/s);
  });

  it.each([
    ['two objects', rowLine('a') + rowLine('b'), 'several objects; each needs a line of its own'],
    ['two objects with a comma', `${rowLine('a')}, ${rowLine('b')}`, 'several objects; each needs a line of its own'],
    [
      'two objects with a foreign space',
      `${rowLine('a')}\u00a0${rowLine('b')}`,
      'several objects; each needs a line of its own',
    ],
    ['a comma behind', `${rowLine('a')},\r`, 'a comma after the object; one object a line, nothing between'],
    ["Python's notation, indented", " { 'conversations': []}", "Python's notation, not JSON; write it with json.dumps"],
    ["Python's own notation", "{'conversations': []}", "Python's notation, not JSON; write it with json.dumps"],
  ])('says what to do with %s', (_, line, problem) => {
    expect(problemOf(line)).toBe(problem);
  });

  it.each([
    ['a stray continuation byte', [0x80]],
    ['a cut character', [0xe2, 0x82]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['Latin-1', [0xfc, 0x62]],
    ['UTF-16', [0xff, 0xfe, 0x61, 0x00]],
  ])('refuses %s as invalid UTF-8', (_, bytes) => {
    expect(parseRow(Uint8Array.from([0x22, ...bytes, 0x22])).problem).toBe('not valid UTF-8');
  });

  it.each([
    ['at the top', `{"conversations": [], "conversations": ${turns}}`],
    [
      'in a turn',
      '{"conversations": [{"role": "user", "content": "a", "content": "b"}, {"role": "assistant", "content": "c"}]}',
    ],
    ['deep in a value that is dropped', `{"meta": [{"x": {"y": 1, "y": 1}}], "conversations": ${turns}}`],
    ['written with an escape', `{"m": {"a": 1, "\\u0061": 2}, "conversations": ${turns}}`],
    ['with white space before the colon', `{"m": {"a" \t: 1, "a"\r:2}, "conversations": ${turns}}`],
    ['holding quotes and backslashes', `{"\\"\\\\": 1, "\\"\\\\": 2, "conversations": ${turns}}`],
    ['named __proto__', `{"__proto__": 1, "__proto__": 2, "conversations": ${turns}}`],
    ['that are empty', `{"": 1, "": 2, "conversations": ${turns}}`],
    ['that are numbers', `{"1": 1, "1": 2, "conversations": ${turns}}`],
  ])('refuses duplicate keys %s', (_, line) => {
    expect(problemOf(line)).toBe(twice);
  });

  it.each([
    ['the same key in two objects', `{"m": {"a": {"a": 1}}, "a": 1, "conversations": ${turns}}`],
    ['keys that differ in case', `{"A": 1, "a": 2, "conversations": ${turns}}`],
    ['content that looks like keys', `{"conversations": ${turns.replace('"a"', '"\\"a\\": 1, \\"a\\": 2"')}}`],
    ['content that ends in a backslash or a colon', `{"m": ["\\\\", ":", "\\":"], "conversations": ${turns}}`],
    ['__proto__ once', `{"__proto__": {"a": 1}, "conversations": ${turns}}`],
  ])('takes %s', (_, line) => {
    expect(problemOf(line)).toBeUndefined();
  });

  it('agrees with the JSON writer: no written object has a key twice', () => {
    fc.assert(
      fc.property(fc.jsonValue({ depthSize: 'medium', stringUnit: 'binary' }), (value) => {
        expect(problemOf(JSON.stringify({ value }))).not.toBe(twice);
        expect(problemOf(`{"value": ${JSON.stringify(value)}, "value": 0}`)).toBe(twice);
      }),
      { numRuns: 300 },
    );
  });

  it('survives 100,000 levels of nesting, in a dropped value and in place of the chat', () => {
    const deep = 100_000;
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
    ] as const) {
      const nested = `${open.repeat(deep)}1${close.repeat(deep)}`;
      expect(problemOf(`{"conversations": ${nested}}`)).toMatch(/^conversations/);
      expect(problemOf(`{"meta": ${nested}, "conversations": ${turns}}`)).toBeUndefined();
      expect(problemOf(open.repeat(deep))).toMatch(/^not JSON/);
    }
  });

  it('reads content of 16 MB and of a million escapes without exhausting a stack', () => {
    for (const content of ['a'.repeat(16 * 2 ** 20), '\n'.repeat(1_000_000), '"'.repeat(1_000_000)])
      expect(parseRow(bytesOf(rowLine(`x${content}`, 'b'))).row?.conversations[0]?.content).toHaveLength(
        content.length + 1,
      );
  });

  it.each([
    ['wrappers in wrappers', '{"data":['.repeat(100_000) + ']}'.repeat(100_000), /^one JSON object around all rows/],
    ['lists of wrappers', `${'[{"data":'.repeat(100_000)}0${'}]'.repeat(100_000)}`, /^a JSON array of rows/],
    [
      'a role that cannot be a text',
      '{"conversations": [{"role": {"toString": 1, "valueOf": 2}}]}',
      /0\.role: Invalid option/,
    ],
    [
      'a role of lists in lists',
      `{"conversations": [{"role": ${'['.repeat(1e5)}${']'.repeat(1e5)}}]}`,
      /0\.role: Invalid/,
    ],
    [
      'a key of the language',
      '{"conversations": [{"constructor": 1}], "__proto__": {"conversations": 1}}',
      /0\.role: Invalid/,
    ],
  ])('survives %s', (_, line, problem) => {
    expect(problemOf(line)).toMatch(problem);
    expect(problemOf(line)?.length).toBeLessThan(400);
  });

  it('counts the turns of a row that is right otherwise', () => {
    const chat = JSON.stringify({ conversations: new Array(3).fill(JSON.parse(turns)).flat() });
    expect(parseRow(bytesOf(chat), { maxTurns: 6 }).row?.conversations).toHaveLength(6);
    expect(parseRow(bytesOf(chat), { maxTurns: 4 })).toEqual({
      problem: '6 turns, at most 4 are allowed; split the chat into several rows',
      kind: 'too many turns',
      isJson: true,
    });
  });

  it('takes linear time for lines made to be slow', () => {
    const slow = ['"', '\\', '"\\', '":', '{"', '\\"'].map((part) => part.repeat(300_000));
    slow.push(`{}${'\u00a0'.repeat(300_000)}`, `{},${'\u2003'.repeat(300_000)}`, `{"a":${'[{},'.repeat(90_000)}`);
    const startMs = performance.now();
    for (const line of [...slow, ...slow.map((text) => JSON.stringify({ text }))]) parseRow(bytesOf(line));
    expect(performance.now() - startMs).toBeLessThan(5000);
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.json().map(bytesOf)), (bytes) => {
        const { row, problem } = parseRow(bytes);
        expect(row === undefined).toBe(typeof problem === 'string');
      }),
      { numRuns: 1000 },
    );
  });
});
