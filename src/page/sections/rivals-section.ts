import { comparingBy } from '../../validator/receipts/compare-two.ts';
import type { Decided } from '../../validator/receipts/draw-again.ts';
import type { Receipt } from '../../validator/receipts/receipt.ts';
import { type Html, html, theirs } from '../html.ts';
import { lossText } from '../numbers.ts';
import { grid } from './small-plots.ts';

const MOST = 48;

/** Who beat whom in the last epoch: rows against columns, the lowest loss first. */
export function rivalsSection(last: Receipt, decided: Decided | null): Html {
  const scored = last.entries
    .flatMap(({ uid, hotkey, outcome }) =>
      outcome.kind === 'scored' ? { uid, hotkey, lossNatsPerToken: outcome.lossNatsPerToken } : [],
    )
    .sort((a, b) => a.lossNatsPerToken - b.lossNatsPerToken)
    .slice(0, MOST);
  const none = (why: Html) => html`<section id="rivals"><h2>Who beat whom</h2><p class="none">${why}</p></section>`;
  if (scored.length < 2) return none(html`Fewer than two miners were scored in the last epoch.`);
  if (!decided)
    return none(
      html`The policy ${theirs(last.policy.name, 60)} is not of this package, so its comparisons are not known here.`,
    );
  const compare = comparingBy(last, decided);
  const winners = scored.map((one) => scored.map((other) => (one === other ? null : compare(one, other))));
  const count = (row: number, is: (winner: string | null) => boolean) =>
    winners[row]!.filter((winner, column) => column !== row && is(winner)).length;
  return html`<section id="rivals">
    <h2>Who beat whom</h2>
    <p class="legend"><span><span class="key won"></span>the row beats the column</span><span><span class="key lost"></span>it loses to it</span><span><span class="key even"></span>neither</span></p>
    ${grid({
      label: `Comparisons of ${scored.length} miners; the table below counts them`,
      rows: scored.map(({ uid }) => `uid ${uid}`),
      columns: scored.map(({ uid }) => String(uid)),
      margin: 64,
      columnWidth: 24,
      cell(row, column) {
        if (row === column) return { kind: 'self', title: `uid ${scored[row]!.uid}` };
        const winner = winners[row]![column] ?? null;
        const kind = winner === null ? 'even' : winner === scored[row]!.hotkey ? 'won' : 'lost';
        const verb = { won: 'beats', lost: 'loses to', even: 'is even with' }[kind];
        const [one, other] = [scored[row]!, scored[column]!];
        return {
          kind,
          title: `uid ${one.uid} (${lossText(one.lossNatsPerToken)}) ${verb} uid ${other.uid} (${lossText(other.lossNatsPerToken)})`,
        };
      },
    })}
    <details><summary>Counts as a table</summary><div class="scroll"><table>
      <thead><tr><th scope="col" class="num">uid</th><th scope="col" class="num">Loss</th><th scope="col" class="num">Beats</th><th scope="col" class="num">Loses to</th><th scope="col" class="num">Even</th></tr></thead>
      <tbody>${scored.map(
        (
          { uid, hotkey, lossNatsPerToken },
          row,
        ) => html`<tr><th scope="row" class="num">${uid}</th><td class="num">${lossText(lossNatsPerToken)}</td>
          <td class="num">${count(row, (winner) => winner === hotkey)}</td><td class="num">${count(row, (winner) => winner !== null && winner !== hotkey)}</td><td class="num">${count(row, (winner) => winner === null)}</td></tr>`,
      )}</tbody>
    </table></div></details>
  </section>`;
}
