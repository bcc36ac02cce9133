import type { Outcome } from '../../validator/outcome.ts';
import { type Html, html } from '../html.ts';

const EPOCHS = 28;
const STEP = 7;

/** What came out for a miner in the last epochs, a mark for each. */
export function strip(history: (Outcome['kind'] | null)[]): Html {
  const last = history.slice(-EPOCHS);
  const width = last.length * STEP;
  const told = last.map((kind) => kind ?? 'not drawn').join(', ');
  return html`<svg class="strip" viewBox="0 0 ${width} 14" width="${width}" height="14" role="img" aria-label="${told}">${last.map((kind, i) => html`<rect class="${kind ?? 'none'}" x="${i * STEP}" y="${kind ? 0 : 5}" width="${STEP - 2}" height="${kind ? 14 : 4}" rx="1.5"/>`)}</svg>`;
}
