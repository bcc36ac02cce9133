import { decodeWalletPassword, Secrets, secretsOfProcess } from 'flock-off';

/**
 * Masks what this process was given and must not print, whoever wrote the text. Read anew each time: a token may have come
 * from `.env` meanwhile.
 */
export function maskSecrets(text: string): string {
  const passwords = Object.entries(process.env).map(([name, value]) =>
    value && name.startsWith('BT_PW_') ? passwordIn(value, name) : null,
  );
  return new Secrets([...secretsOfProcess(process), ...passwords]).mask(text);
}

function passwordIn(value: string, variable: string): string | null {
  try {
    return decodeWalletPassword({ value, variable });
  } catch {
    return null;
  }
}
