import { expect, test } from 'vitest';
import { required, requiredEntry, requiredItem } from '../../src/shared/required.ts';

test('what is there is handed on, also when it is false, zero or empty', () => {
  expect(required(0, 'a number')).toBe(0);
  expect(required('', 'a text')).toBe('');
  expect(requiredEntry(new Map([['a', false]]), 'a')).toBe(false);
  expect(requiredItem([5, 6, 7], 2)).toBe(7);
  expect(requiredItem(Int32Array.of(5, 6, 7), -1)).toBe(7);
});

test('what is missing is named', () => {
  expect(() => required(null, 'its head')).toThrow('has lost its head');
  expect(() => required(undefined, 'its head')).toThrow('has lost its head');
  expect(() => requiredEntry(new Map(), 'q_proj')).toThrow('the entry q_proj');
  expect(() => requiredItem([1], 1)).toThrow('item 1 of a list of 1');
  expect(() => requiredItem([], -1)).toThrow('item -1 of a list of 0');
});
