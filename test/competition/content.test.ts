import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { competitionId, competitionText, contentHash } from '../../src/competition/content.ts';
import { parseCompetitionReference } from '../../src/competition/reference.ts';
import { ModelId } from '../../src/schema/model-id.ts';

const shuffled = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(shuffled);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, inner]) => [name, shuffled(inner)]),
  );
};
const json = fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 6 }) as fc.Arbitrary<Record<string, unknown>>;

describe('the hash of a competition', () => {
  test('is that of the content, whatever order and white space it has in the file', () => {
    fc.assert(
      fc.property(json, (content) => {
        const read = JSON.parse(JSON.stringify(shuffled(content), null, 3)) as Record<string, unknown>;
        expect(contentHash(read)).toBe(contentHash(JSON.parse(JSON.stringify(content)) as Record<string, unknown>));
      }),
    );
  });

  test('leaves out id and signature, and nothing else', () => {
    const content = { name: 'Chats', rules: { id: 'inner', signature: 'inner' } };
    const hash = contentHash(content);
    // Python: hashlib.sha256(b'{"name":"Chats","rules":{"id":"inner","signature":"inner"}}').hexdigest()
    expect(hash).toBe('aac70f9a602dbea69d105edd5c5d433288f5d49d959dc1ecaaa99caf431bc6f4');
    expect(contentHash({ ...content, id: 'x', signature: 'y' })).toBe(hash);
    for (const other of [
      { ...content, owner: 1 },
      { name: 'Chats', rules: { id: 'other', signature: 'inner' } },
    ])
      expect(contentHash(other)).not.toBe(hash);
  });

  test('gives an id with which a pointer has the room that it has with any id', () => {
    fc.assert(
      fc.property(json, (content) => {
        const competition = competitionId(contentHash(content));
        const pointer = ModelId.encode({ repo: `org/${'x'.repeat(70)}`, competition, commit: '0'.repeat(40) });
        expect(Buffer.byteLength(pointer)).toBe(128);
      }),
    );
  });
});

test('a competition is written so that a name which stands in it twice is seen', () => {
  const text = '{\n  "a": 1,\n  "a": 2\n}\n';
  expect(competitionText(JSON.parse(text))).not.toBe(text);
});

describe('a reference', () => {
  const sha = '0123456789abcdef0123456789abcdef01234567';
  test('is a repository at a commit', () => {
    expect(parseCompetitionReference(`org/chats@${sha}`)).toEqual({ repo: 'org/chats', commit: sha });
  });

  test.each([
    ['org/chats@main', /names the branch or tag "main", which can be moved, so it is not certain what is played/],
    ['org/chats', /names no commit/],
    ['org/chats@', /names the branch or tag ""/],
    [`org/chats@${sha.slice(0, 12)}`, /does not name a whole commit sha, 40 lower-case hex digits/],
    [`org/chats@${sha.toUpperCase()}`, /does not name a whole commit sha/],
    [`org/chats@${sha}\n`, /names the branch or tag/],
    [`org/chats@${sha}@${sha}`, /names the branch or tag/],
    [`chats@${sha}`, /is no competition: expected the repository and the commit/],
    [`../../x@${sha}`, /is no competition/],
    ['', /is no competition/],
  ])('of %j is refused in one sentence', (text, sentence) => {
    expect(() => parseCompetitionReference(text)).toThrow(
      expect.objectContaining({ code: 'bad-argument', message: expect.stringMatching(sentence) }),
    );
  });
});
