import { rename, rm, writeFile } from 'node:fs/promises';
import { FlockOffError, messageOf } from '../errors/flock-off-error.ts';
import { makeFolder } from '../shared/make-folder.ts';

export interface WriteFolderParameters {
  /** Made when missing. */
  folder: string;
  /** Path of the configuration inside it, without which nobody takes the folder for complete. */
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
  const incomplete = `${configPath}.incomplete`;
  try {
    await makeFolder(folder);
    await rm(configPath, { force: true });
    await content();
    await writeFile(incomplete, `${JSON.stringify(config, null, 2)}\n`);
    await rename(incomplete, configPath);
  } catch (cause) {
    await rm(incomplete, { force: true }).catch(() => {});
    if (cause instanceof FlockOffError) throw cause;
    throw new FlockOffError({
      code: 'disk',
      what: `the folder ${folder} cannot be written: ${messageOf(cause)}`,
      fix: 'make room or choose another folder',
      facts: { folder },
      cause,
    });
  }
}
