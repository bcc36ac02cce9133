import { z } from 'zod';
import { FlockOffError } from '../errors/flock-off-error.ts';

/** What the Hub says of a token (`/api/whoami-v2`). */
const WhoAmI = z.object({
  name: z.string(),
  orgs: z.array(z.object({ name: z.string(), roleInOrg: z.string().optional() })).catch([]),
  auth: z.object({
    accessToken: z.object({
      /** `read`, `write`, `fineGrained`; others are older, and may write. */
      role: z.string(),
      fineGrained: z
        .object({
          scoped: z.array(
            z.object({
              entity: z.object({ type: z.string(), name: z.string().optional() }),
              permissions: z.array(z.string()),
            }),
          ),
        })
        .optional(),
    }),
  }),
});
type WhoAmI = z.infer<typeof WhoAmI>;

/** What lets a token write to repositories, create them and change their settings. */
const WRITE = 'repo.write';

/**
 * Refuses a token of which the Hub says that it may not do what publishing takes: create the repository, write to it,
 * and change its visibility. What the Hub does not tell of a token is found out by using it.
 * @throws FlockOffError `hub-denied`.
 */
export function requireRights(answer: unknown, { repo, exists }: { repo: string; exists: boolean }): void {
  const told = WhoAmI.safeParse(answer);
  if (!told.success) return;
  const [namespace = ''] = repo.split('/');
  const problem = problemWith(told.data, { namespace, repo, exists });
  if (problem === null) return;
  throw new FlockOffError({
    code: 'hub-denied',
    what: `the token may not publish ${repo}: ${problem}`,
    fix: `put a token with write access to the repositories of ${namespace} into HF_TOKEN`,
    facts: { status: 403, message: problem },
  });
}

function problemWith(
  { name, orgs, auth }: WhoAmI,
  { namespace, repo, exists }: { namespace: string; repo: string; exists: boolean },
): string | null {
  const { role, fineGrained } = auth.accessToken;
  if (role === 'read') return 'it may only read';
  if (role === 'fineGrained' && fineGrained) {
    const isWritable = fineGrained.scoped.some(
      ({ entity, permissions }) =>
        permissions.includes(WRITE) &&
        (entity.type === 'dataset' ? exists && same(entity.name, repo) : same(entity.name, namespace)),
    );
    return isWritable ? null : `it is fine-grained, without "${WRITE}" for ${exists ? repo : `all of ${namespace}`}`;
  }
  if (same(name, namespace)) return null;
  const org = orgs.find((one) => same(one.name, namespace));
  if (!org) return `it is ${name}'s, who is not ${namespace} and in no organization of that name`;
  return org.roleInOrg === 'read' ? `${name} may only read in the organization ${namespace}` : null;
}

function same(one: string | undefined, other: string): boolean {
  return one?.toLowerCase() === other.toLowerCase();
}
