import { durationText } from '../../operator/words.ts';
import { type Html, html } from '../html.ts';
import { lossText, whole } from '../numbers.ts';
import type { TrainingRun } from '../training-runs.ts';

/** Loss and gradient of each run, an epoch at a time; a table of the same without scripts. */
export function trainingSection(runs: TrainingRun[]): Html {
  if (runs.length === 0)
    return html`<section id="training"><h2>Training</h2><p class="none">No curves: a validator with <code>--metrics_dir</code> leaves a file of steps for each run, and the page draws them.</p></section>`;
  const blocks = [...new Set(runs.map(({ startBlock }) => startBlock))].sort(
    (a, b) => (b ?? Number.MAX_SAFE_INTEGER) - (a ?? Number.MAX_SAFE_INTEGER),
  );
  return html`<section id="training">
    <h2>Training</h2>
    <div class="filters" hidden>
      <label>Epoch <select id="runs-of">${blocks.map((block) => html`<option value="${block ?? ''}">${block === null ? 'in no report' : `block ${whole(block)}`}</option>`)}</select></label>
      <div class="chips" id="run-chips" role="group" aria-label="Runs"></div>
    </div>
    <div class="plots" hidden>
      <figure><figcaption>Loss <span>nats per token, by step</span></figcaption><div id="plot-loss" class="plot"></div></figure>
      <figure><figcaption>Gradient <span>L2 norm before clipping, by step</span></figcaption><div id="plot-grad" class="plot"></div></figure>
    </div>
    <details><summary>Runs as a table</summary><div class="scroll"><table>
      <thead><tr><th scope="col" class="num">Epoch</th><th scope="col" class="num">uid</th><th scope="col" class="num">Steps</th><th scope="col" class="num">First loss</th><th scope="col" class="num">Last loss</th><th scope="col" class="num">Tokens/s</th><th scope="col" class="num">Time</th></tr></thead>
      <tbody>${runs.map(
        ({ uid, startBlock, steps, points, tokensPerSecond, durationMs }) => html`<tr>
          <td class="num">${startBlock === null ? '\u2013' : whole(startBlock)}</td><th scope="row" class="num">${uid}</th><td class="num">${whole(steps)}</td>
          <td class="num">${lossText(points[0]!.loss)}</td><td class="num">${lossText(points.at(-1)!.loss)}</td>
          <td class="num">${whole(tokensPerSecond)}</td><td class="num">${durationText(durationMs)}</td></tr>`,
      )}</tbody>
    </table></div></details>
  </section>`;
}
