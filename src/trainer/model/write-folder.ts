import { rm, writeFile } from 'node:fs/promises';
import { writeWhole } from '../../shared/incomplete-file.ts';
import { makeFolder } from '../../shared/make-folder.ts';
import { onDisk } from '../../shared/on-disk.ts';

export interface WriteFolderParameters {
  /** Made when missing. */
  folder: string;
  /** Path of the configuration inside it, without which the folder counts as incomplete. */
  configPath: string;
  config: unknown;
  /** Writes everything else. */
  content: () => Promise<void>;
}

/**
 * Writes a folder whose configuration goes first and comes last: one that was interrupted, or refused by the disk, is
 * recognisably incomplete, and old parameters never stand beside new tensors.
 * @throws FlockOffError `disk` for what the system refuses.
 */
export async function writeFolder({ folder, configPath, config, content }: WriteFolderParameters): Promise<void> {
  const what = `the folder ${folder} cannot be written`;
  await onDisk({ path: folder, what, fix: 'make room or choose another folder' }, async () => {
    await makeFolder(folder);
    await rm(configPath, { force: true });
    await content();
    await writeWhole(configPath, (incomplete) => writeFile(incomplete, `${JSON.stringify(config, null, 2)}\n`));
  });
}
