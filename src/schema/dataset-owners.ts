import * as z from 'zod';

/**
 * The file of a dataset repository that names the hotkeys whose dataset it is.
 * @example
 * await writeFile(join(folder, OWNERS_FILE), JSON.stringify({ hotkeys: [hotkey.address] }));
 */
export const OWNERS_FILE = 'flock-off.json';
/**
 * What is read of it at most.
 * @example
 * const text = await readFile(OWNERS_FILE, 'utf8');
 * if (Buffer.byteLength(text) > MAX_OWNERS_BYTES) console.log('nobody reads it');
 */
export const MAX_OWNERS_BYTES = 64 * 1024;
/**
 * Hotkeys that it names at most.
 * @example
 * const { hotkeys } = DatasetOwners.parse({ hotkeys: addresses.slice(0, MAX_OWNERS) });
 */
export const MAX_OWNERS = 100;

/** An ss58 address: 32 bytes, a prefix and a checksum, in base 58. */
const Hotkey = z.string().regex(/^[1-9A-HJ-NP-Za-km-z]{46,50}$/, { error: 'expected a hotkey (an ss58 address)' });

/**
 * Whose dataset a repository holds: a pointer that another hotkey commits to it is refused. It gives nobody priority, since
 * whoever copies the repository can name himself in the copy. Other fields are left as they are.
 * @example
 * const { hotkeys } = DatasetOwners.parse({ hotkeys: ['5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY'] });
 */
export const DatasetOwners = z.looseObject({
  hotkeys: z
    .array(z.unknown())
    .min(1, { error: 'expected one hotkey or more' })
    .max(MAX_OWNERS, { error: `expected at most ${MAX_OWNERS} hotkeys` })
    .pipe(z.array(Hotkey)),
});
export type DatasetOwners = z.infer<typeof DatasetOwners>;

/**
 * Reads the text of such a file.
 * @returns the owners, or in a few words why it is no such file.
 */
export function parseDatasetOwners(text: string): { owners: DatasetOwners } | { problem: string } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { problem: 'it is no JSON' };
  }
  const parsed = DatasetOwners.safeParse(json);
  if (parsed.success) return { owners: parsed.data };
  const [issue] = parsed.error.issues;
  const where = issue?.path.length ? ` at "${issue.path.join('.')}"` : '';
  return { problem: `${issue?.message ?? 'it is no list of owners'}${where}` };
}
