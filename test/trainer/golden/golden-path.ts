import { fileURLToPath } from 'node:url';

/** Path inside the golden vectors. */
export function golden(...parts: string[]): string {
  return fileURLToPath(new URL(`../../vectors/golden/${parts.join('/')}`, import.meta.url));
}
