import type { LeftOutEvidence } from '../../schema/left-out-evidence.ts';
import type { Outcome } from '../../validator/outcome.ts';
import type { EpochFacts } from '../epoch-facts.ts';
import { type Html, html, theirs } from '../html.ts';
import { changeText, lossText, percentText, plural, shortened, whole } from '../numbers.ts';
import { lossOf, type Standing } from '../standings.ts';
import { bar, weightLine } from './small-plots.ts';

const KINDS = { scored: 'scored', rejected: 'refused', postponed: 'postponed', none: 'not evaluated' } as const;

/** So many are shown before somebody asks for all, where scripts run. */
const FIRST = 24;

/** Who has what, and why: a table that is a list of cards on a phone. */
export function standingsSection(standings: Standing[], epochs: EpochFacts[]): Html {
  const base = epochs.at(-1)!.baselineLossNatsPerToken;
  const most = Math.max(...standings.map(({ weight }) => weight), 0);
  const counts = Object.keys(KINDS).map(
    (kind) => [kind, standings.filter((one) => kindOf(one) === kind).length] as const,
  );
  return html`<section id="standings">
    <h2>Standings</h2>
    <div class="filters" hidden>
      <input type="search" id="find" placeholder="uid, repository, hotkey, reason" aria-label="Find miners" autocomplete="off" spellcheck="false">
      <div class="chips" role="group" aria-label="Result">
        ${counts.flatMap(([kind, count]) => (count > 0 ? html`<button type="button" class="chip" data-kind="${kind}" aria-pressed="false">${KINDS[kind as keyof typeof KINDS]} <span>${count}</span></button>` : []))}
      </div>
      <p id="shown" role="status"></p>
    </div>
    <div class="scroll"><table class="standings" data-first="${FIRST}">
      <thead><tr>
        <th scope="col" class="num" data-sort="uid">uid</th>
        <th scope="col">Dataset</th>
        <th scope="col">Result</th>
        <th scope="col" class="num" data-sort="loss">Loss</th>
        <th scope="col" class="num">To base</th>
        <th scope="col" class="num" data-sort="score">Score</th>
        <th scope="col" class="num" data-sort="weight">Weight</th>
        <th scope="col">Over epochs</th>
      </tr></thead>
      <tbody>${standings.map((one) => rowOf(one))}</tbody>
    </table></div>
    <button type="button" class="chip" id="all" hidden>Show all ${standings.length}</button>
  </section>`;

  function rowOf(one: Standing): Html {
    const loss = lossOf(one);
    const kind = kindOf(one);
    const hasLoss = Number.isFinite(loss);
    const score = one.entry?.score ?? null;
    return html`<tr data-kind="${kind}" data-uid="${one.uid}" data-loss="${hasLoss ? loss : ''}" data-score="${score ?? ''}" data-weight="${one.weight}">
      <th scope="row" class="uid num">${one.uid}</th>
      <td class="dataset"><span class="repo">${theirs(one.repo ?? one.pointer ?? 'no pointer', 120)}</span><span class="hotkey" title="${one.hotkey}">${theirs(shortened(one.hotkey))}</span></td>
      <td class="result">${resultOf(one, kind)}</td>
      <td class="num loss" data-label="Loss">${lossText(hasLoss ? loss : null)}</td>
      <td class="num base ${hasLoss && base !== null && loss < base ? 'better' : ''}" data-label="To base">${hasLoss && base !== null && base > 0 ? changeText(loss / base - 1) : '\u2013'}</td>
      <td class="num score" data-label="Score">${score === null ? '\u2013' : score.toFixed(3)}</td>
      <td class="num weight" data-label="Weight">${percentText(one.weight)}${bar(most > 0 ? one.weight / most : 0)}</td>
      <td class="trend">${weightLine(epochs.map(({ weights }) => weights.get(one.hotkey) ?? 0))}</td>
    </tr>`;
  }
}

function kindOf({ found }: Standing): keyof typeof KINDS {
  return found?.outcome.kind ?? 'none';
}

function resultOf({ entry, found }: Standing, kind: keyof typeof KINDS): Html {
  const name = found?.outcome.kind === 'rejected' ? found.outcome.verdict.reason : KINDS[kind];
  const ago =
    found && found.epochsAgo > 0 ? html`<span class="ago">${plural(found.epochsAgo, 'epoch')} ago</span>` : null;
  const why = entry?.why ?? (found ? messageOf(found.outcome) : 'not in these reports');
  const evidence = [
    ...evidenceOf(entry?.leftOut ?? leftOutIn(found?.outcome)),
    ...(found?.outcome.kind === 'rejected' ? factsOf(found.outcome) : []),
  ];
  return html`<span class="pill ${kind}">${name}</span>${ago}
    ${why !== '' && html`<p class="why">${theirs(why, 280)}</p>`}
    ${evidence.length > 0 && html`<details class="evidence"><summary>Evidence</summary><ul>${evidence.map((line) => html`<li>${line}</li>`)}</ul></details>`}`;
}

function messageOf(outcome: Outcome): string {
  if (outcome.kind === 'scored') return '';
  return outcome.kind === 'rejected' ? outcome.verdict.message : outcome.message;
}

function leftOutIn(outcome: Outcome | undefined): LeftOutEvidence | null {
  const facts = outcome?.kind === 'rejected' ? outcome.verdict.facts : undefined;
  return facts && 'leftOut' in facts ? (facts.leftOut ?? null) : null;
}

const MOST_LINES = 8;

/** What of a dataset is not trained on, and whose it is. */
function evidenceOf(leftOut: LeftOutEvidence | null): Html[] {
  if (!leftOut || leftOut.others + leftOut.evaluation + leftOut.repeats === 0) return [];
  const { others, evaluation, repeats, sources, examples } = leftOut;
  const nameOf = (uid: number | null, hotkey: string) => (uid === null ? theirs(shortened(hotkey)) : html`uid ${uid}`);
  const alike = (share: number) => `${Math.round(100 * share)} % alike`;
  return [
    html`Left out: ${whole(others)} shown earlier by others, ${whole(evaluation)} of the evaluation set, ${whole(repeats)} repeated`,
    ...sources
      .slice(0, MOST_LINES)
      .map(({ uid, hotkey, rows }) => html`${plural(rows, 'row')} of ${nameOf(uid, hotkey)}`),
    ...examples
      .slice(0, MOST_LINES)
      .map((row) =>
        row.hotkey === null
          ? html`Line ${row.line} is of the evaluation set (${alike(row.alike)})`
          : html`Line ${row.line} is line ${row.ofLine} of ${nameOf(row.uid, row.hotkey)}, shown in block ${row.block} (${alike(row.alike)})`,
      ),
  ];
}

/** The values behind a verdict that are numbers, and the lines that it names. */
function factsOf({ verdict: { facts = {} } }: Extract<Outcome, { kind: 'rejected' }>): Html[] {
  return Object.entries(facts).flatMap(([name, value]): Html[] => {
    if (typeof value === 'number') return [html`${name}: ${whole(value)}`];
    if (name === 'problems' && Array.isArray(value))
      return value.slice(0, MOST_LINES).map(({ line, problem }) => html`Line ${line}: ${theirs(String(problem))}`);
    if (name === 'owners' && Array.isArray(value))
      return value.slice(0, MOST_LINES).map((one) => html`Owner ${theirs(String(one), 80)}`);
    return [];
  });
}
