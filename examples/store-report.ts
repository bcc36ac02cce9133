import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EpochReport, Logger } from 'flock-off';
import { maskSecrets } from './secrets.ts';

/**
 * Stores a report as JSON, whole or not at all. A disk that refuses is warned of and does not stop the validator: the
 * weights that the report explains are on the chain already.
 */
export async function storeReport(report: EpochReport, folder: string, logger: Logger): Promise<void> {
  const file = join(folder, `block-${report.startBlock}.json`);
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(`${file}.incomplete`, maskSecrets(JSON.stringify(report, null, 2)));
    await rename(`${file}.incomplete`, file);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    logger.warn(
      `the report of block ${report.startBlock} could not be stored in ${folder} (${why}); the validator goes on. Check the free space and the rights of that folder.`,
    );
  }
}
