import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonElements } from '../../../src/dataset/convert/json-elements.ts';

function cut(text: string, size: number, inArray: boolean, maxChars = 1000) {
  const elements = new JsonElements({ inArray, maxChars });
  const found: string[] = [];
  for (let at = 0; at < text.length; at += size) found.push(...elements.push(text.slice(at, at + size)));
  elements.end();
  return { found, problem: elements.problem };
}

const element = fc.oneof(
  fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 })),
  fc.array(fc.jsonValue({ maxDepth: 2 })),
  fc.string(),
);

describe('JsonElements', () => {
  it('finds the elements of any array, wherever its text is cut and however it is indented', () => {
    fc.assert(
      fc.property(fc.array(element), fc.nat({ max: 3 }), fc.integer({ min: 1, max: 9 }), (values, indent, size) => {
        const { found, problem } = cut(JSON.stringify(values, null, indent).slice(1), size, true, 10_000);
        expect(problem).toBeNull();
        expect(found.map((json) => JSON.parse(json))).toEqual(values);
      }),
      { numRuns: 500, seed: 1 },
    );
  });

  it('finds objects that stand one after another, and takes nothing behind the end of an array', () => {
    expect(cut('{"a": 1}\n\n{\n "b": [2]}, {}', 3, false)).toEqual({
      found: ['{"a": 1}', '{\n "b": [2]}', '{}'],
      problem: null,
    });
    expect(cut('{"a": "]"}], "more": 1}', 4, true)).toEqual({ found: ['{"a": "]"}'], problem: null });
  });

  it.each([
    ['{"a": 1', true, 'the JSON ends within an element: the file is cut off, or a bracket is missing'],
    ['{"a": "', false, 'the JSON ends within an element: the file is cut off, or a bracket is missing'],
    ['{"a": 1},', true, 'the JSON array is not closed: the file is cut off'],
    ['null]', true, 'expected an object, saw "n"'],
    ['\u001b]', true, 'expected an object, saw "\ufffd"'],
    [`{"a": "${'x'.repeat(2000)}"}]`, true, 'an element has more than 1000 characters'],
  ])('says of %j why no more can be read', (text, inArray, problem) => {
    expect(cut(text, 7, inArray).problem).toBe(problem);
  });
});
