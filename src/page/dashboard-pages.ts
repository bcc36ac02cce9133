import type { ValidatorSnapshot } from '../operator/snapshot.ts';
import type { WatchedValidator } from '../operator/validator-watch.ts';
import type { WebPage } from '../operator/web-server.ts';
import { type PageAssets, readAssets } from './document.ts';
import { liveSection, versionOf } from './live.ts';
import { reportPage } from './report-page.ts';
import { ReportReader } from './report-reader.ts';
import { TrainingRuns } from './training-runs.ts';

export interface DashboardPagesParameters {
  /** Where the validator leaves its reports. */
  reports: string;
  /** Its `metricsDir`; default `null`, no curves. */
  metrics?: string | null;
  /** What it does now. */
  watch: Pick<WatchedValidator, 'snapshot'>;
}

/** The folders are looked at no more often than this, whoever asks. */
const LEAST_PAUSE_MS = 5_000;

/**
 * What a {@link WebServer} serves of a running validator: `/` the page, and `/live` the part of it that changes from second to
 * second. Files are read once while they stay as they are, and nothing is read while nobody looks.
 * @example
 * const pages = dashboardPages({ reports: '.flock-off/validator/reports', watch });
 * const server = await WebServer.open({ port: 9200, pages });
 * console.log(server.url);
 */
export function dashboardPages({ reports, metrics = null, watch }: DashboardPagesParameters) {
  const reader = new ReportReader({ folder: reports });
  const runs = new TrainingRuns(metrics);
  let assets: Promise<PageAssets> | null = null;
  let made: { atMs: number; version: string; page: Promise<string> } | null = null;
  let lastBlock: number | null = null;
  const type = 'text/html; charset=utf-8';
  return {
    '/': async (): Promise<WebPage> => {
      const live = watch.snapshot();
      const version = versionOf(live, lastBlock);
      const nowMs = performance.now();
      if (!made || made.version !== version || nowMs - made.atMs > LEAST_PAUSE_MS)
        made = { atMs: nowMs, version, page: make(live) };
      return { type, body: await made.page };
    },
    '/live': (): WebPage => {
      const live = watch.snapshot();
      return { type, body: liveSection(live, versionOf(live, lastBlock)).markup };
    },
  };

  async function make(live: ValidatorSnapshot): Promise<string> {
    assets ??= readAssets();
    const read = await reader.read();
    lastBlock = read.last?.startBlock ?? null;
    return reportPage({ reports: read, runs: await runs.read(read.epochs), assets: await assets, live });
  }
}
