import { verifyBytes } from '../chain/wallet/signed-bytes.ts';
import { type About, FORMAT, SignedAbout, SignedAnyAbout, textToSign } from './wire.ts';

/**
 * What a validator says of a queue.
 * @param hotkey ss58 address.
 * @returns `null` where that hotkey has not signed it.
 */
export async function readAbout(note: unknown, hotkey: string): Promise<About | null> {
  const parsed = SignedAbout.safeParse(note);
  if (!parsed.success) return null;
  const { about, signature } = parsed.data;
  if (about.hotkey !== hotkey) return null;
  const bytes = textToSign('about', about);
  return (await verifyBytes({ address: hotkey, bytes, signature: Buffer.from(signature, 'hex') })) ? about : null;
}

/**
 * Which version says something of a queue in another format than this one.
 * @param hotkey ss58 address.
 * @returns `null` where that hotkey has not signed it, or it is of this format.
 */
export async function readOtherVersion(note: unknown, hotkey: string): Promise<string | null> {
  const parsed = SignedAnyAbout.safeParse(note);
  if (!parsed.success) return null;
  const { about, signature } = parsed.data;
  if (about.hotkey !== hotkey || about.format === FORMAT) return null;
  const bytes = textToSign('about', about, about.format);
  const isTheirs = await verifyBytes({ address: hotkey, bytes, signature: Buffer.from(signature, 'hex') });
  return isTheirs ? `${about.packageVersion} (queue format ${about.format})` : null;
}
