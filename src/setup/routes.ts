import { FlockOffError } from '../errors/flock-off-error.ts';

/** Ways to a working TensorFlow, in the order they are tried. */
export const ROUTES = ['linked', 'wheel', 'prebuilt', 'wasm'] as const;
export type Route = (typeof ROUTES)[number];

/**
 * Reads a comma-separated list of routes, as in `wheel,wasm`. Nothing at all means every route.
 * @throws FlockOffError `bad-argument` for a name that is no route.
 */
export function parseRoutes(text: string | undefined): readonly Route[] {
  if (!text) return ROUTES;
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
