import type { EpochFacts } from '../epoch-facts.ts';
import { type Html, html } from '../html.ts';
import { percentText, whole } from '../numbers.ts';
import type { Standing } from '../standings.ts';

/** So many have a curve of their own. */
const MOST_CURVES = 8;

export interface WeightCurves {
  blocks: number[];
  /** In percent of all weight; of those with most weight now, then of all others together (`uid` `null`). */
  curves: { uid: number | null; percents: number[] }[];
}

export function weightCurves(standings: Standing[], epochs: EpochFacts[]): WeightCurves {
  const best = standings.filter(({ weight }) => weight > 0).slice(0, MOST_CURVES);
  const percents = (of: (epoch: EpochFacts) => number) =>
    epochs.map((epoch) => Number((100 * of(epoch)).toPrecision(4)));
  const curves: WeightCurves['curves'] = best.map(({ uid, hotkey }) => ({
    uid,
    percents: percents(({ weights }) => weights.get(hotkey) ?? 0),
  }));
  const named = new Set(best.map(({ hotkey }) => hotkey));
  const others = percents(({ weights }) =>
    [...weights].reduce((sum, [hotkey, weight]) => sum + (named.has(hotkey) ? 0 : weight), 0),
  );
  if (others.some((percent) => percent > 0)) curves.push({ uid: null, percents: others });
  return { blocks: epochs.map(({ startBlock }) => startBlock), curves };
}

const MOST_COLUMNS = 6;

/** Weights over the epochs: a plot, and a table of the last ones. */
export function weightsSection({ blocks, curves }: WeightCurves): Html {
  const last = blocks.slice(-MOST_COLUMNS);
  return html`<section id="weights">
    <h2>Weights over epochs</h2>
    ${
      curves.length === 0
        ? html`<p class="none">Nobody has had a weight yet.</p>`
        : html`<div class="filters" hidden><div class="chips" id="weight-chips" role="group" aria-label="Miners"></div></div>
    <div class="plots wide" hidden><figure><figcaption>Weight <span>percent of all, by the block the epoch began with</span></figcaption><div id="plot-weights" class="plot"></div></figure></div>
    <details><summary>The last epochs as a table</summary><div class="scroll"><table>
      <thead><tr><th scope="col">Miner</th>${last.map((block) => html`<th scope="col" class="num">${whole(block)}</th>`)}</tr></thead>
      <tbody>${curves.map(({ uid, percents }) => html`<tr><th scope="row">${uid === null ? 'all others' : `uid ${uid}`}</th>${percents.slice(-MOST_COLUMNS).map((percent) => html`<td class="num">${percentText(percent / 100)}</td>`)}</tr>`)}</tbody>
    </table></div></details>`
    }
  </section>`;
}
