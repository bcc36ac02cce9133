import type { DatasetRow } from '../../../src/schema/dataset-row.ts';
import { MersenneTwister } from '../../../src/shared/random.ts';

/** Turns in order, the user's first. */
export function chat(...turns: string[]): DatasetRow {
  return { conversations: turns.map((content, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content })) };
}

/** Words of so many letters together, others for each seed. */
export function letters(count: number, seed = 1): string {
  const random = new MersenneTwister(seed);
  let text = '';
  for (let written = 0; written < count; ) {
    const length = Math.min(count - written, 3 + Math.floor(random.nextUniform() * 6));
    for (let i = 0; i < length; i++) text += String.fromCharCode(97 + Math.floor(random.nextUniform() * 26));
    written += length;
    text += ' ';
  }
  return text.trim();
}
