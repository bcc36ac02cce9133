import { decodeWalletPassword, Secrets, secretsOfProcess } from 'flock-off';

const ofFiles: string[] = [];

/** Flags that were read from a file, whose addresses may hold passwords as those of the command line may. */
export function alsoMask(flags: readonly string[]): void {
  ofFiles.push(...flags);
}

/**
 * Masks what this process was given and must not print, whoever wrote the text. Read anew each time: a token may have come
 * from `.env` meanwhile.
 */
export function maskSecrets(text: string): string {
  const passwords = Object.entries(process.env).map(([name, value]) =>
    value && name.startsWith('BT_PW_') ? passwordIn(value, name) : null,
  );
  const { env, argv } = process;
  return new Secrets([...secretsOfProcess({ env, argv: [...argv, ...ofFiles] }), ...passwords]).mask(text);
}

function passwordIn(value: string, variable: string): string | null {
  try {
    return decodeWalletPassword({ value, variable });
  } catch {
    return null;
  }
}
