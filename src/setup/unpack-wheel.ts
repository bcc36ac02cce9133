import { FlockOffError } from '../errors/flock-off-error.ts';
import { readEntry, unpackEntry, withZip } from './zip.ts';

export interface UnpackWheelParameters {
  /** The wheel's file. */
  path: string;
  /** Files appear below it under their names in the wheel. */
  folder: string;
  /** Whether the file of that name is unpacked. */
  wanted: (name: string) => boolean;
  /** What the wheel is called in errors. */
  title: string;
}

export interface WheelContents {
  /** Names of the files that were unpacked. */
  names: string[];
  /** The wheel's core metadata. */
  metadata: string;
}

/**
 * Unpacks a part of a Python wheel and checks each file against the SHA-256 that the wheel records.
 * @throws FlockOffError `backend-unavailable` when one differs.
 */
export async function unpackWheel({ path, folder, wanted, title }: UnpackWheelParameters): Promise<WheelContents> {
  return withZip(path, async (zip) => {
    const text = async (file: 'RECORD' | 'METADATA') => {
      const entry = zip.entries.find(({ name }) => name.endsWith(`.dist-info/${file}`));
      return entry ? readEntry(zip, entry) : '';
    };
    const expected = parseRecord(await text('RECORD'));
    const entries = zip.entries.filter(({ name }) => wanted(name));
    for (const entry of entries) {
      if ((await unpackEntry(zip, entry, folder)) !== expected.get(entry.name)) {
        throw new FlockOffError({
          code: 'backend-unavailable',
          what: `${entry.name} out of the wheel ${title} has not the SHA-256 that the wheel records`,
          fix: 'the download is damaged: run the command again',
        });
      }
    }
    return { names: entries.map(({ name }) => name), metadata: await text('METADATA') };
  });
}

/** SHA-256 in base64url by file name. A record line is `path,sha256=…,size`. */
export function parseRecord(text: string): Map<string, string> {
  const hashes = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^"?(.*?)"?,sha256=([\w-]+),\d+\r?$/.exec(line);
    if (match) hashes.set(match[1]!, match[2]!);
  }
  return hashes;
}

/** What a distribution needs for one of its extras, as requirement specifiers. Source: Python's core metadata, `Requires-Dist`. */
export function requirementsOfExtra(metadata: string, extra: string): string[] {
  const requirements: string[] = [];
  for (const line of metadata.split('\n')) {
    const match = /^Requires-Dist:\s*([^;]+?)\s*;.*\bextra\s*==\s*["']([^"']+)["']/i.exec(line);
    if (match?.[2] === extra) requirements.push(match[1]!);
  }
  return requirements;
}
