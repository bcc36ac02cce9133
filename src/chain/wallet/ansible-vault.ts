import { createDecipheriv, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { requiredItem } from '../../shared/required.ts';

const HEADER = /^\$ANSIBLE_VAULT;1\.[12];AES256(;.*)?$/;
const HEX = /^([0-9a-f]{2})+$/i;

/** An Ansible Vault of format 1.1 or 1.2. */
export interface AnsibleVault {
  salt: Buffer;
  mac: Buffer;
  sealed: Buffer;
}

/** Reads the header line and the hex of three lines of hex; `null` when it is not that. */
export function readAnsibleVault(content: Uint8Array): AnsibleVault | null {
  const [header = '', ...lines] = Buffer.from(content).toString('latin1').trim().split(/\r?\n/);
  const body = lines.join('');
  if (!HEADER.test(header) || !HEX.test(body)) return null;
  const parts = Buffer.from(body, 'hex').toString('latin1').split('\n');
  if (parts.length !== 3 || !parts.every((part) => HEX.test(part))) return null;
  const [salt, mac, sealed] = parts.map((part) => Buffer.from(part, 'hex')) as [Buffer, Buffer, Buffer];
  return mac.length === 32 ? { salt, mac, sealed } : null;
}

/** What is in the vault, `null` when the password does not fit. */
export async function openAnsibleVault(
  { salt, mac, sealed }: AnsibleVault,
  password: string,
): Promise<Uint8Array | null> {
  const keys = await promisify(pbkdf2)(password, salt, 10_000, 80, 'sha256');
  const seen = createHmac('sha256', keys.subarray(32, 64)).update(sealed).digest();
  if (!timingSafeEqual(seen, mac)) return null;
  const decipher = createDecipheriv('aes-256-ctr', keys.subarray(0, 32), keys.subarray(64, 80));
  const padded = Buffer.concat([decipher.update(sealed), decipher.final()]);
  return padded.subarray(0, -requiredItem(padded, -1)); // PKCS #7: the last byte is how many were added.
}
