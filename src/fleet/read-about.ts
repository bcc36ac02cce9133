import { verifyBytes } from '../chain/wallet/signed-bytes.ts';
import { type About, SignedAbout, textToSign } from './wire.ts';

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
