import type { Html } from '../html.ts';
import { html, theirs } from '../html.ts';
import { plural } from '../numbers.ts';
import type { Standing } from '../standings.ts';
import { strip } from './strip.ts';

const FIRST = 12;

/** Who waits for how long, and how likely the next epoch has a place: those who have waited longest first. */
export function queueSection(standings: Standing[]): Html {
  const waiting = standings
    .filter(({ next }) => next.kind !== 'never')
    .map((one) => ({ ...one, waited: one.history.length - 1 - one.history.findLastIndex((kind) => kind !== null) }))
    .sort((a, b) => b.waited - a.waited || a.uid - b.uid);
  if (waiting.length === 0)
    return html`<section id="queue"><h2>Queue and waits</h2><p class="none">Nobody has a pointer that can be evaluated.</p></section>`;
  const keys = Object.entries({ scored: 'scored', rejected: 'refused', postponed: 'postponed', none: 'not drawn' }).map(
    ([kind, name]) => html`<span><span class="key ${kind}"></span>${name}</span>`,
  );
  const rows = (some: typeof waiting) =>
    html`<div class="scroll"><table class="queue">
      <thead><tr><th scope="col" class="num">uid</th><th scope="col">Waits</th><th scope="col">Next epoch</th><th scope="col">Results, the last on the right</th></tr></thead>
      <tbody>${some.map(
        (one) => html`<tr><th scope="row" class="num">${one.uid}</th>
          <td>${waitText(one.waited, one.history.length)}</td><td>${nextText(one)}</td><td>${strip(one.history)}</td></tr>`,
      )}</tbody></table></div>`;
  return html`<section id="queue">
    <h2>Queue and waits</h2>
    <p class="legend">${keys}</p>
    ${rows(waiting.slice(0, FIRST))}
    ${waiting.length > FIRST && html`<details><summary>${plural(waiting.length - FIRST, 'more miner')}</summary>${rows(waiting.slice(FIRST))}</details>`}
  </section>`;
}

function waitText(waited: number, epochs: number): Html {
  if (waited === 0) return html`in the last epoch`;
  return waited >= epochs ? html`more than ${plural(epochs, 'epoch')}` : html`${plural(waited, 'epoch')}`;
}

function nextText({ next }: Standing): Html {
  if (next.kind === 'always') return html`certain`;
  if (next.kind !== 'drawn') return theirs('not known');
  const within = next.withinEpochs === null ? '' : `, within ${plural(next.withinEpochs, 'epoch')} at the latest`;
  return html`about ${Math.round(100 * next.chance)} %${within}`;
}
