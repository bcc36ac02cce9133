import type { ValidatorSnapshot } from '../operator/snapshot.ts';
import { decidedOr } from '../validator/receipts/compare-two.ts';
import { documentOf, type PageAssets } from './document.ts';
import { type Html, html, theirs } from './html.ts';
import { liveSection, versionOf } from './live.ts';
import type { ReadReports } from './report-reader.ts';
import { faultsSection } from './sections/faults-section.ts';
import { queueSection } from './sections/queue-section.ts';
import { rivalsSection } from './sections/rivals-section.ts';
import { standingsSection } from './sections/standings-section.ts';
import { footerOf, headerOf, summarySection } from './sections/summary.ts';
import { trainingSection } from './sections/training-section.ts';
import { weightCurves, weightsSection } from './sections/weights-section.ts';
import { standingsOf } from './standings.ts';
import type { TrainingRun } from './training-runs.ts';

export interface ReportPageParameters {
  reports: ReadReports;
  runs: TrainingRun[];
  assets: PageAssets;
  /** Of a validator that runs; default `null`, a page of what was. */
  live?: ValidatorSnapshot | null;
  /** Pages of the other competitions of the same validator, and this one among them. Default: there are none. */
  tabs?: PageTab[];
}

/** A link to the page of one of several competitions. */
export interface PageTab {
  competition: string;
  href: string;
  isThis: boolean;
}

const PARTS = [
  ['standings', 'Standings'],
  ['training', 'Training'],
  ['weights', 'Weights'],
  ['rivals', 'Rivals'],
  ['queue', 'Queue'],
  ['faults', 'Faults'],
] as const;

/** One HTML page about a validator, complete in itself: tables without scripts, plots with them, nothing from elsewhere. */
export function reportPage({ reports, runs, assets, live = null, tabs = [] }: ReportPageParameters): string {
  const { last, epochs, leftOut } = reports;
  const tabBar = tabsOf(tabs);
  const now = live && liveSection(live, versionOf(live, last?.startBlock ?? null));
  if (!last) {
    const body = html`${live && headerOfLive(live)}${tabBar}<main>${now}<p class="none">No epoch has ended yet: the first report comes with the weights of the first epoch.</p>${trainingSection(runs)}</main>`;
    return documentOf({
      title: 'flock-off',
      body,
      data: dataOf({ blocks: [], curves: [] }),
      assets,
      live: live !== null,
    });
  }
  const decided = decidedOr(last);
  const standings = standingsOf(last, epochs, decided);
  const curves = weightCurves(standings, epochs);
  const body = html`
    ${headerOf(last)}
    ${tabBar}
    <nav aria-label="Parts">${PARTS.map(([id, name]) => html`<a href="#${id}">${name}</a>`)}</nav>
    <main>
      ${now}
      ${summarySection(last, epochs)}
      ${standingsSection(standings, epochs)}
      ${trainingSection(runs)}
      ${weightsSection(curves)}
      ${rivalsSection(last, decided)}
      ${queueSection(standings)}
      ${faultsSection(epochs)}
    </main>
    ${footerOf(last, leftOut)}`;
  const title = `Subnet ${last.netuid}, epoch of block ${last.startBlock} \u2013 flock-off`;
  return documentOf({ title, body, data: dataOf(curves), assets, live: live !== null });

  function dataOf(weights: ReturnType<typeof weightCurves>) {
    return {
      weights,
      runs: runs.map(({ uid, startBlock, points }) => ({
        ...{ uid, startBlock },
        steps: points.map(({ step }) => step),
        losses: points.map(({ loss }) => loss),
        gradNorms: points.map(({ gradNorm }) => gradNorm),
      })),
    };
  }
}

function tabsOf(tabs: PageTab[]): Html | null {
  if (tabs.length < 2) return null;
  const linkTo = ({ competition, href, isThis }: PageTab) =>
    html`<a href="${href}"${isThis && html` aria-current="page"`}>${theirs(competition, 80)}</a>`;
  return html`<nav class="tabs" aria-label="Competitions">${tabs.map(linkTo)}</nav>`;
}

function headerOfLive({ netuid, competition, hotkey }: ValidatorSnapshot): Html {
  return html`<header class="top"><p class="over">flock-off validator ${theirs(hotkey)}</p><h1>Subnet ${netuid}, competition ${theirs(competition, 80)}</h1></header>`;
}
