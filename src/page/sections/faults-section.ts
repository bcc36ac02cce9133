import { POSTPONED_BY } from '../../validator/outcome.ts';
import type { EpochFacts } from '../epoch-facts.ts';
import { type Html, html, theirs } from '../html.ts';
import { plural, timeText, whole } from '../numbers.ts';
import { grid } from './small-plots.ts';

const MOST_EPOCHS = 48;
const MOST_LINES = 60;

interface Fault {
  /** Row of the time line. */
  of: string;
  text: string;
  /** Miners that it met, where it met miners. */
  count?: number;
}

const ROWS = ['weights', 'report', ...POSTPONED_BY] as const;

/** What did not work, and for whom the epoch had to wait: on a time line, and in words, the latest first. */
export function faultsSection(epochs: EpochFacts[]): Html {
  const shown = epochs.slice(-MOST_EPOCHS);
  const first = epochs.length - shown.length;
  const faults = shown.map((epoch, i) => faultsOf(epoch, epochs[first + i - 1]));
  const rows = ROWS.filter((row) => faults.some((some) => some.some(({ of }) => of === row)));
  if (rows.length === 0)
    return html`<section id="faults"><h2>Faults</h2><p class="none">None in ${plural(shown.length, 'epoch')}: nobody was postponed, every report is there, and weights were sent each time.</p></section>`;
  const lines = shown.flatMap((epoch, i) => faults[i]!.map((fault) => ({ epoch, ...fault }))).reverse();
  return html`<section id="faults">
    <h2>Faults</h2>
    ${grid({
      label: `Faults of ${shown.length} epochs; the list below has them in words`,
      rows: rows.map((row) => row),
      columns: shown.map(() => ''),
      margin: 76,
      cell(row, column) {
        const here = faults[column]!.filter(({ of }) => of === rows[row]);
        const block = `block ${whole(shown[column]!.startBlock)}`;
        if (here.length === 0) return { kind: 'calm', title: `${block}: none` };
        return {
          kind: here.some(({ count = 1 }) => count > 2) ? 'fault many' : 'fault',
          title: `${block}: ${here
            .map(({ text }) => text.slice(0, 200))
            .join('; ')
            .slice(0, 600)}`,
        };
      },
    })}
    <details open><summary>${plural(lines.length, 'fault')}, the latest first</summary><ol class="faults">${lines
      .slice(0, MOST_LINES)
      .map(
        ({ epoch, of, text }) =>
          html`<li><span class="when">block ${whole(epoch.startBlock)}<span>${timeText(epoch.timeMs)}</span></span><span class="pill fault">${of}</span><span class="what">${theirs(text, 400)}</span></li>`,
      )}</ol>${lines.length > MOST_LINES && html`<p class="none">${whole(lines.length - MOST_LINES)} earlier ones are not shown.</p>`}</details>
  </section>`;
}

function faultsOf(epoch: EpochFacts, before: EpochFacts | undefined): Fault[] {
  const faults: Fault[] = [];
  const { previousBlock, notSent } = epoch;
  if (notSent !== null) faults.push({ of: 'weights', text: notSent });
  if (before && previousBlock !== before.startBlock)
    faults.push({
      of: 'report',
      text: 'the report before this one is not in the folder: it was not written, or removed',
    });
  const alike = new Map<string, { of: string; message: string; uids: number[] }>();
  for (const { uid, outcome } of epoch.entries) {
    if (outcome.kind !== 'postponed') continue;
    const { by: of, message } = outcome;
    const same = alike.get(`${of} ${message}`) ?? { of, message, uids: [] };
    same.uids.push(uid);
    alike.set(`${of} ${message}`, same);
  }
  for (const { of, message, uids } of alike.values())
    faults.push({
      of,
      text: `${uids.length === 1 ? 'uid' : 'uids'} ${uids.join(', ')}: ${message}`,
      count: uids.length,
    });
  return faults;
}
