import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isPinned, MAX_POINTER_BYTES, ModelId, RepoId } from '../../src/schema/model-id.ts';

const SHA = '0123456789abcdef0123456789abcdef01234567';

const part = fc.stringMatching(/^[a-zA-Z0-9]([._-]?[a-zA-Z0-9]){0,15}$/).filter((text) => !text.endsWith('.git'));
const modelId: fc.Arbitrary<ModelId> = fc.record({
  repo: fc.tuple(part, part).map(([namespace, name]) => `${namespace}/${name}`),
  competition: fc.stringMatching(/^[A-Za-z0-9_-]{1,12}$/),
  commit: fc.oneof(fc.constant('main'), fc.stringMatching(/^[0-9a-f]{40}$/)),
});

describe('ModelId', () => {
  it('reads and writes `namespace/name:competition:commit`', () => {
    const id = { repo: 'ann/chat', competition: '1', commit: SHA };
    expect(ModelId.decode(`ann/chat:1:${SHA}`)).toEqual(id);
    expect(ModelId.encode(id)).toBe(`ann/chat:1:${SHA}`);
  });

  it('decode(encode(id)) is the id, for every id', () => {
    fc.assert(
      fc.property(modelId, (id) => {
        expect(ModelId.decode(ModelId.encode(id))).toEqual(id);
      }),
    );
  });

  it('encode(decode(text)) is the text, for every pointer', () => {
    const pointer = modelId.map(({ repo, competition, commit }) => `${repo}:${competition}:${commit}`);
    fc.assert(
      fc.property(pointer, (text) => {
        expect(ModelId.encode(ModelId.decode(text))).toBe(text);
      }),
    );
  });

  it('defect 13: answers garbage with a verdict, never with an exception', () => {
    const garbage = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.string({ unit: 'grapheme', maxLength: 200 }),
      fc.json(),
      fc
        .array(fc.constantFrom(':', '/', '.', '-', '{', 'a', '\0', '\ud800', 'None', SHA), { maxLength: 20 })
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(garbage, (text) => {
        const read = ModelId.safeDecode(text);
        if (read.success) expect(ModelId.safeEncode(read.data).success).toBe(true);
        else expect(read.error.issues[0]?.message).toMatch(/expected/);
      }),
      { numRuns: 1000 },
    );
  });

  it('reads a commit of `None` as main, which is not pinned', () => {
    const id = ModelId.decode('ann/chat:1:None');
    expect(id.commit).toBe('main');
    expect(isPinned(id)).toBe(false);
    expect(isPinned(ModelId.decode(`ann/chat:1:${SHA}`))).toBe(true);
  });

  it('takes the longest repository name of the Hub', () => {
    const id = { repo: `${'n'.repeat(96)}/${'m'.repeat(96)}`, competition: 'c'.repeat(12), commit: SHA };
    const text = ModelId.encode(id);
    expect(text.length).toBeLessThan(MAX_POINTER_BYTES);
    expect(ModelId.decode(text)).toEqual(id);
  });

  it('refuses more than 512 bytes of UTF-8, whatever the number of characters', () => {
    const text = `${'é'.repeat(255)}:1:main`;
    expect(text.length).toBeLessThan(MAX_POINTER_BYTES);
    expect(ModelId.safeDecode(text).error?.issues[0]?.message).toBe('expected at most 512 bytes');
  });

  it.each([
    ['nothing', ''],
    ['two fields', 'ann/chat:1'],
    ['four fields', `ann/chat:1:${SHA}:x`],
    ["somebody's JSON", '{"a": 1, "b": 2, "c": 3}'],
    ['no namespace', `chat:1:${SHA}`],
    ['a competition id of 13 characters', `ann/chat:1234567890123:${SHA}`],
    ['an empty competition id', `ann/chat::${SHA}`],
    ['a short sha', 'ann/chat:1:0123456'],
    ['a branch', 'ann/chat:1:dev'],
    ['an upper-case sha', `ann/chat:1:${SHA.toUpperCase()}`],
    ['a sha of 41 digits', `ann/chat:1:${SHA}0`],
    ['white space around', ` ann/chat:1:${SHA}`],
    ['a newline at the end', `ann/chat:1:${SHA}\n`],
    ['a non-ASCII look-alike', `аnn/chat:1:${SHA}`],
  ])('refuses %s', (_, text) => {
    expect(ModelId.safeDecode(text).success).toBe(false);
  });

  it('encodes nothing that decode would refuse', () => {
    for (const id of [
      { repo: 'ann:b/chat', competition: '1', commit: SHA },
      { repo: 'ann/chat', competition: '1:2', commit: SHA },
      { repo: 'ann/chat', competition: '1', commit: 'dev' },
    ])
      expect(ModelId.safeEncode(id).success).toBe(false);
  });
});

describe('RepoId', () => {
  it.each([
    '../etc',
    'ann/..',
    'ann/.',
    './chat',
    '/chat',
    'ann/',
    'ann//chat',
    'ann/chat/data',
    'ann/../../etc',
    'ann\\chat',
    'ann/chat\\..',
    'ann/a..b',
    'ann/a--b',
    'ann/chat.git',
    'ann/.chat',
    'ann/-chat',
    'ann/chat.',
    'ann/%2e%2e',
    'ann/cha t',
    'ann/chat?x=1',
    'ann/chat#1',
    'ann/chat@main',
    'ann/ch\0at',
    'https://host/ann',
    `ann/${'x'.repeat(97)}`,
    'ann/chat\n',
  ])('refuses the path trick %j', (repo) => {
    expect(RepoId.safeParse(repo).success).toBe(false);
  });

  it.each(['a/b', 'ann/chat', 'Ann-1/chat_v1.2', `ann/${'x'.repeat(96)}`])('takes %j', (repo) => {
    expect(RepoId.safeParse(repo).success).toBe(true);
  });

  it('never lets a name leave the folder it is joined to', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('.', '/', '\\', 'a', '-', '%', '2', 'e', '~', ':'), maxLength: 12 }),
        (text) => {
          if (!RepoId.safeParse(text).success) return;
          const path = new URL(`https://hub.test/${text}/data.jsonl`).pathname;
          expect(path).toBe(`/${text}/data.jsonl`);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
