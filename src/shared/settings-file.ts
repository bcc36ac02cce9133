import { open } from 'node:fs/promises';
import type * as z from 'zod';
import { FlockOffError } from '../errors/flock-off-error.ts';
import { issuesText, namesIn } from './nearest-name.ts';

export interface ReadSettingsFileParameters<T> {
  path: string;
  schema: z.ZodType<T>;
  /** What it is called in messages, such as "the competition file". */
  name: string;
  /** What it should hold, such as "the rules of a competition". */
  holds: string;
  /** What to check where it cannot be used, such as "--competition_file". */
  flag: string;
  /** Names that the schema does not tell, with the paths to them. */
  known?: string[];
}

/** No settings are larger. */
const MOST_BYTES = 4 * 1024 * 1024;

/**
 * The settings in a file of JSON, or of YAML where its name says so.
 * @throws FlockOffError `bad-argument` in one sentence when the file cannot be read, has more than 4 MiB, is neither, or
 *   holds something else; of a misspelt name it says which is nearest.
 * @example
 * const settings = await readSettingsFile({
 *   path: 'owners.yaml',
 *   schema: DatasetOwners,
 *   name: 'the file',
 *   holds: 'owners',
 *   flag: '--owners',
 * });
 * console.log(settings.hotkeys);
 */
export async function readSettingsFile<T>(parameters: ReadSettingsFileParameters<T>): Promise<T> {
  const { path, schema, name, holds, flag, known = [] } = parameters;
  const bad = (why: string, cause?: unknown) =>
    new FlockOffError({ code: 'bad-argument', what: `${name} ${path} ${why}`, fix: `check ${flag}`, cause });
  const text = await readStart(path).catch((error: NodeJS.ErrnoException) => {
    throw bad(error.code === 'ENOENT' ? 'does not exist' : `cannot be read (${error.code})`, error);
  });
  if (text === null) throw bad(`has more than ${MOST_BYTES} bytes, which none has`);
  const isYaml = /\.ya?ml$/i.test(path);
  let settings: unknown;
  try {
    settings = isYaml ? (await import('yaml')).parse(text) : JSON.parse(text);
  } catch (error) {
    throw bad(
      `is not ${isYaml ? 'YAML' : 'JSON'} (${isYaml ? (error as Error).message.split('\n')[0]!.replace(/:$/, '') : placeIn(error as Error)})`,
      error,
    );
  }
  const parsed = schema.safeParse(settings);
  if (parsed.success) return parsed.data;
  throw bad(`does not hold ${holds}: ${issuesText(parsed.error, [...namesIn(schema), ...known])}`);
}

/** `null` of a longer file; of a device that never ends, too. */
async function readStart(path: string): Promise<string | null> {
  const file = await open(path, 'r');
  try {
    const parts: Buffer[] = [];
    for (let read = 0; read <= MOST_BYTES; ) {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(64 * 1024), 0, 64 * 1024, null);
      if (bytesRead === 0) return Buffer.concat(parts).toString('utf8');
      parts.push(buffer.subarray(0, bytesRead));
      read += bytesRead;
    }
    return null;
  } finally {
    await file.close();
  }
}

/** Where JSON ends to be JSON. What stands there is not quoted: it may be a part of a password. */
function placeIn({ message }: Error): string {
  const [, at] = /position (\d+)/.exec(message) ?? [];
  return at === undefined ? 'it ends too soon, or begins with something else' : `at character ${Number(at) + 1}`;
}
