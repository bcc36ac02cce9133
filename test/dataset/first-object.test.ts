import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseFirstObject } from '../../src/dataset/first-object.ts';

describe('parseFirstObject', () => {
  test.each<[string, string, unknown]>([
    ['at the beginning', '{"a":1}', { a: 1 }],
    ['in a list', '[{"a":1},{"b":2}]', { a: 1 }],
    ['with objects in it', '{"a":{"b":{}},"c":3} and more', { a: { b: {} }, c: 3 }],
    ['with braces in its texts', '{"a":"}","b":"{"}}', { a: '}', b: '{' }],
    ['with escaped quotation marks', '{"a":"\\"}\\\\","b":"\\\\"}"', { a: '"}\\', b: '\\' }],
    ['before what is cut off', '[{"a":1},{"b":', { a: 1 }],
    ['cut off itself', '[{"a":1', undefined],
    ['that is none', '{a}', undefined],
    ['in a text without one', '"}" 12', undefined],
    ['in nothing', '', undefined],
  ])('finds an object %s', (_, text, found) => {
    expect(parseFirstObject(text)).toEqual(found);
  });

  test('finds every object again, whatever comes behind it', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.string(), (object, rest) => {
        const json = JSON.stringify(object);
        expect(parseFirstObject(`[ ${json}${rest}`)).toEqual(JSON.parse(json));
      }),
    );
  });
});
