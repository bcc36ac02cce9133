import { snapshotsOf, type ValidatorSnapshot } from '../operator/snapshot.ts';
import type { WatchedValidator } from '../operator/validator-watch.ts';
import type { WebPage } from '../operator/web-server.ts';
import { type PageAssets, readAssets } from './document.ts';
import { liveSection, versionOf } from './live.ts';
import { type PageTab, reportPage } from './report-page.ts';
import { ReportReader } from './report-reader.ts';
import { TrainingRuns } from './training-runs.ts';

export interface DashboardPagesParameters {
  /** Where the validator leaves its reports; of several competitions, where it leaves those of each. */
  reports: string | { competition: string; reports: string }[];
  /** Its `metricsDir`; default `null`, no curves. */
  metrics?: string | null;
  /** What it does now. */
  watch: Pick<WatchedValidator, 'snapshot'>;
}

/** The folders are looked at no more often than this, whoever asks. */
const LEAST_PAUSE_MS = 5_000;

/**
 * What a {@link WebServer} serves of a running validator: `/` the page, and `/live` the part of it that changes from second to
 * second. Of several competitions these are the first one's, and each further one has `/<id>/` and `/<id>/live`. Files are read
 * once while they stay as they are, and nothing is read while nobody looks.
 * @example
 * const pages = dashboardPages({ reports: '.flock-off/validator/reports', watch });
 * const server = await WebServer.open({ port: 9200, pages });
 * console.log(server.url);
 */
export function dashboardPages({ reports, metrics = null, watch }: DashboardPagesParameters): {
  '/': () => Promise<WebPage>;
  '/live': () => WebPage;
} {
  let assets: Promise<PageAssets> | null = null;
  const all = typeof reports === 'string' ? [{ competition: null, reports }] : reports;
  const rootOf = (i: number) => (i === 0 ? '/' : `/${encodeURIComponent(all[i]!.competition!)}/`);
  const readers = all.map(({ reports: folder }) => new ReportReader({ folder }));
  const pages = all.map(({ competition }, i) =>
    pagesOf({
      ...{ reader: readers[i]!, root: rootOf(i), runs: new TrainingRuns(metrics) },
      others: readers.filter((_, of) => of !== i),
      assets: () => {
        assets ??= readAssets();
        return assets;
      },
      snapshot: () => {
        const parts = snapshotsOf(watch.snapshot());
        return parts.find((one) => one.competition === competition) ?? parts[0]!;
      },
      tabs: all.map((one, of) => ({ competition: one.competition ?? '', href: rootOf(of), isThis: of === i })),
    }),
  );
  return Object.assign({}, ...pages);
}

interface PagesOfParameters {
  reader: ReportReader;
  /** Of the other competitions, whose training runs lie in the same folder. */
  others: ReportReader[];
  runs: TrainingRuns;
  assets: () => Promise<PageAssets>;
  snapshot: () => ValidatorSnapshot;
  tabs: PageTab[];
  /** The address of its page, with a slash at its end. */
  root: string;
}

/** Those of one competition. */
function pagesOf({ reader, others, runs, assets, snapshot, tabs, root }: PagesOfParameters) {
  let made: { atMs: number; version: string; page: Promise<string> } | null = null;
  let lastBlock: number | null = null;
  const type = 'text/html; charset=utf-8';
  return {
    [root]: async (): Promise<WebPage> => {
      const live = snapshot();
      const version = versionOf(live, lastBlock);
      const nowMs = performance.now();
      if (!made || made.version !== version || nowMs - made.atMs > LEAST_PAUSE_MS)
        made = { atMs: nowMs, version, page: make(live) };
      return { type, body: await made.page };
    },
    [`${root}live`]: (): WebPage => {
      const live = snapshot();
      return { type, body: liveSection(live, versionOf(live, lastBlock)).markup };
    },
  };

  async function make(live: ValidatorSnapshot): Promise<string> {
    const read = await reader.read();
    lastBlock = read.last?.startBlock ?? null;
    const ofOthers = (await Promise.all(others.map((other) => other.read()))).flatMap(({ epochs }) => epochs);
    const found = await runs.read(read.epochs, ofOthers);
    return reportPage({ reports: read, runs: found, assets: await assets(), live, tabs });
  }
}
