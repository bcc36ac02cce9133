import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FlockOffError } from '../../../errors/flock-off-error.ts';
import { onDisk } from '../../../shared/on-disk.ts';
import { receiptBlocks, receiptFile } from '../receipt-folder.ts';
import { reportFolders } from '../report-folders.ts';

/**
 * The receipts that are named: files, or those of a folder.
 * @throws FlockOffError `bad-argument` where there is none; `disk`.
 */
export async function filesOf(paths: string[]): Promise<string[]> {
  const files = await Promise.all(
    paths.map(async (path) => {
      const isFolder = await onDisk({ path, fix: 'check the path' }, async () => (await stat(path)).isDirectory());
      if (!isFolder) return [path];
      const inFolders = (await reportFolders(path)).map(async (folder) =>
        (await receiptBlocks(folder)).map((block) => join(folder, receiptFile(block))),
      );
      return (await Promise.all(inFolders)).flat();
    }),
  );
  const all = [...new Set(files.flat())];
  if (all.length > 0) return all;
  throw new FlockOffError({
    code: 'bad-argument',
    what: `${paths.join(', ')} ${paths.length === 1 ? 'holds' : 'hold'} no report: expected files such as ${receiptFile(360)}`,
    fix: "name the files, or the folder `reports` in a validator's data folder",
  });
}
