import { durationText } from '../../operator/words.ts';
import type { Receipt } from '../../validator/receipts/receipt.ts';
import type { EpochFacts } from '../epoch-facts.ts';
import { type Html, html, theirs } from '../html.ts';
import { lossText, percentText, plural, shortened, timeText, whole } from '../numbers.ts';

/** What the last epoch came to, in four figures. */
export function summarySection(last: Receipt, epochs: EpochFacts[]): Html {
  const epoch = epochs.at(-1)!;
  const count = (kind: string) => epoch.entries.filter(({ outcome }) => outcome.kind === kind).length;
  const losses = epoch.entries.flatMap(({ outcome }) => (outcome.kind === 'scored' ? outcome.lossNatsPerToken : []));
  const best = losses.length > 0 ? Math.min(...losses) : null;
  const base = epoch.baselineLossNatsPerToken;
  const beside =
    base === null
      ? 'the base model takes no part'
      : best === null
        ? `the base model alone has ${lossText(base)}`
        : `${percentText(Math.abs(best / base - 1))} ${best < base ? 'below' : 'above'} the base model\u2019s ${lossText(base)}`;
  const weighed = last.inputs.weighed.weights.filter(({ weight }) => weight > 0).length;
  return html`<section class="figures" aria-label="The last epoch">
    ${figure('Best loss', lossText(best), html`${beside}`)}
    ${figure('Scored', `${count('scored')}`, html`of ${plural(epoch.entries.length, 'miner')}: ${count('rejected')} refused, ${count('postponed')} postponed`)}
    ${
      epoch.sent
        ? figure('Weights', 'sent', html`in block ${whole(epoch.sent.block)}, to ${plural(weighed, 'miner')}`)
        : figure('Weights', 'not sent', theirs(epoch.notSent ?? 'no reason is told'))
    }
    ${figure('Epoch took', durationText(epoch.durationMs), html`${plural(epochs.length, 'epoch')} on this page`)}
  </section>`;
}

function figure(label: string, value: string, beside: Html): Html {
  return html`<div class="figure"><h2>${label}</h2><p class="value">${value}</p><p class="beside">${beside}</p></div>`;
}

/** Whose page it is. */
export function headerOf(last: Receipt): Html {
  const { netuid, competition, signer, inputs, startBlock } = last;
  return html`<header class="top">
    <p class="over">flock-off validator <span title="${signer}">${theirs(shortened(signer))}</span></p>
    <h1>Subnet ${netuid}, competition ${theirs(competition, 80)}</h1>
    <p class="beside">The epoch of block ${whole(startBlock)}, which began ${timeText(inputs.epoch.timeMs)}</p>
  </header>`;
}

/** What everything on the page rests on. */
export function footerOf(last: Receipt, leftOut: string[]): Html {
  const { trainer, inputs, policy, packageVersion } = last;
  const { backend, precision } = trainer;
  const facts: [string, string][] = [
    ['Policy', policy.name],
    ['Parameters', JSON.stringify(policy.parameters)],
    ['Trained by', `${backend.name} ${backend.packageVersion}, ${precision.matmul} products, on ${inputs.machine.cpu}`],
    ['Base model', trainer.baseSha256],
    ['Evaluation set', `${plural(inputs.evaluation.rows, 'row')}, ${inputs.evaluation.sha256}`],
    ['Chain', inputs.genesisHash],
    ['Hotkey', last.signer],
    ['Report by', `flock-off ${packageVersion}`],
  ];
  return html`<footer>
    <details><summary>What this rests on</summary>
      <dl>${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${theirs(value, 1_000)}</dd></div>`)}</dl>
    </details>
    ${leftOut.length > 0 && html`<details><summary>${plural(leftOut.length, 'file')} left out</summary><ul>${leftOut.slice(0, 100).map((line) => html`<li>${theirs(line)}</li>`)}</ul></details>`}
    <p>Made from the reports as they lie there. Whether they are what the validator signed, and follow from their inputs, says <code>flock-off audit</code>.</p>
  </footer>`;
}
