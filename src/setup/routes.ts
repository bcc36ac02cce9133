import { FlockOffError } from '../errors/flock-off-error.ts';

/** Ways to a working TensorFlow. */
export const ROUTES = ['linked', 'wheel', 'prebuilt', 'wasm'] as const;
export type Route = (typeof ROUTES)[number];

/** The routes taken unless others are named, in the order they are tried. What `prebuilt` downloads has no known hash. */
export const DEFAULT_ROUTES: readonly Route[] = ['linked', 'wheel', 'wasm'];

/**
 * Reads a comma-separated list of routes, as in `wheel,wasm`. Nothing at all means {@link DEFAULT_ROUTES}.
 * @throws FlockOffError `bad-argument` for a name that is no route.
 */
export function parseRoutes(text: string | undefined): readonly Route[] {
  if (!text) return DEFAULT_ROUTES;
  return text.split(',').map((part) => {
    const route = ROUTES.find((name) => name === part.trim());
    if (route) return route;
    throw new FlockOffError({
      code: 'bad-argument',
      what: `"${part.trim()}" is no route to TensorFlow`,
      fix: `choose among ${ROUTES.join(', ')}`,
    });
  });
}
