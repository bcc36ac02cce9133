import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import type { BytesSigner } from '../../chain/wallet/signed-bytes.ts';
import type { TextToSign } from '../../competition/publish-competition.ts';
import { FlockOffError } from '../../errors/flock-off-error.ts';
import { onDisk } from '../../shared/on-disk.ts';

const ToSign = z.strictObject({ address: z.string(), block: z.int().nonnegative(), text: z.string() });
const SIGNATURE = /^(0x)?([0-9a-f]{128}|[0-9a-f]{130})$/i;

/** Remembers in the folder of a draft what its owner signs elsewhere. */
export class SignedElsewhere {
  readonly #path: string;

  constructor(folder: string) {
    this.#path = join(folder, 'competition.to-sign.json');
  }

  async remember(text: TextToSign): Promise<void> {
    await onDisk(this.#path, () => writeFile(this.#path, `${JSON.stringify(text, null, 2)}\n`));
  }

  async forget(): Promise<void> {
    await rm(this.#path, { force: true });
  }

  /**
   * A signer that hands the signature out, and the block that it names.
   * @throws FlockOffError `bad-argument` where it is no signature, or no text was given out to be signed.
   */
  async open(signature: string): Promise<{ owner: BytesSigner; ownerBlock: number }> {
    const hex = SIGNATURE.exec(signature.trim())?.[2];
    if (hex === undefined)
      throw bad('it is no signature: expected 64 or 65 bytes as hex', 'pass what the wallet printed');
    const text = await readFile(this.#path, 'utf8').catch(() => 'null');
    const parsed = ToSign.safeParse(parseJson(text));
    if (!parsed.success)
      throw bad(
        `${this.#path} does not say what was to be signed`,
        'run this with --to_sign first, and sign what it prints',
      );
    const { address, block } = parsed.data;
    return { owner: { address, sign: async () => Buffer.from(hex, 'hex') }, ownerBlock: block };
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function bad(why: string, fix: string): FlockOffError {
  return new FlockOffError({
    code: 'bad-argument',
    what: `--signature cannot be used: ${why}`,
    fix,
    facts: { name: '--signature' },
  });
}
