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
          /** Of no user, organization or repository. */
          global: z.array(z.string()).default([]),
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

/** What lets a token write to repositories, create them and change their settings. */
const WRITE = 'repo.write';

/** What the Hub tells of a token. */
export interface TokenRights {
  /** Whose it is. */
  owner: string;
  /** As in "read", "write" and "fine-grained". */
  role: string;
  /**
   * Users and organizations to whose repositories it may write, and repositories (`namespace/name`); `null` where the Hub
   * does not say. Of an organization its owner may be allowed less.
   */
  writes: string[] | null;
  /** What a fine-grained one may write that is no repository, by the Hub's names, such as "job.write". */
  others: string[];
}

/** `null` where the answer is none that says it. */
export function tokenRights(answer: unknown): TokenRights | null {
  const told = WhoAmI.safeParse(answer);
  if (!told.success) return null;
  const { name: owner, orgs, auth } = told.data;
  const { role, fineGrained } = auth.accessToken;
  if (role === 'fineGrained') {
    if (!fineGrained) return { owner, role: 'fine-grained', writes: null, others: [] };
    const { global, scoped } = fineGrained;
    const scopes = [
      { name: `all that ${owner} may`, permissions: global },
      ...scoped.map(({ entity, permissions }) => ({ name: entity.name ?? `an unnamed ${entity.type}`, permissions })),
    ];
    const others = scopes.flatMap(({ permissions }) =>
      permissions.filter((one) => one.endsWith('.write') && one !== WRITE),
    );
    return {
      owner,
      role: 'fine-grained',
      writes: scopes.filter(({ permissions }) => permissions.includes(WRITE)).map(({ name }) => name),
      others: [...new Set(others)].sort(),
    };
  }
  const groups = orgs.filter(({ roleInOrg }) => roleInOrg !== 'read').map(({ name }) => name);
  return { owner, role, writes: role === 'read' ? [] : [owner, ...groups], others: [] };
}

export interface PublishingParameters {
  /** `namespace/name`. */
  repo: string;
  exists: boolean;
}

/**
 * Refuses a token of which the Hub says that it may not do what publishing takes: create the repository, write to it,
 * and change its visibility. What the Hub does not tell of a token is found out by using it.
 * @throws FlockOffError `hub-denied`.
 */
export function requireRights(answer: unknown, { repo, exists }: PublishingParameters): void {
  const problem = publishingProblem(answer, { repo, exists });
  if (problem === null) return;
  throw new FlockOffError({
    code: 'hub-denied',
    what: `the token may not publish ${repo}: ${problem}`,
    fix: `put a token with write access to the repositories of ${repo.split('/')[0]} into HF_TOKEN`,
    facts: { status: 403, message: problem },
  });
}

/** Why a token may not publish a repository, as far as the Hub tells; `null` where nothing speaks against it. */
export function publishingProblem(answer: unknown, { repo, exists }: PublishingParameters): string | null {
  const told = WhoAmI.safeParse(answer);
  if (!told.success) return null;
  const { name, orgs, auth } = told.data;
  const { role, fineGrained } = auth.accessToken;
  const [namespace = ''] = repo.split('/');
  if (role === 'read') return 'it may only read';
  if (role === 'fineGrained' && fineGrained) {
    const { global, scoped } = fineGrained;
    const isScoped = scoped.some(
      ({ entity, permissions }) =>
        permissions.includes(WRITE) &&
        (entity.type === 'dataset' ? exists && same(entity.name, repo) : same(entity.name, namespace)),
    );
    if (!isScoped && !global.includes(WRITE))
      return `it is fine-grained, without "${WRITE}" for ${exists ? repo : `all of ${namespace}`}`;
  }
  if (same(name, namespace)) return null;
  const org = orgs.find((one) => same(one.name, namespace));
  // Of a fine-grained one the Hub need not list every organization.
  if (!org && role === 'fineGrained') return null;
  if (!org) return `it is ${name}'s, who is not ${namespace} and in no organization of that name`;
  return org.roleInOrg === 'read' ? `${name} may only read in the organization ${namespace}` : null;
}

function same(one: string | undefined, other: string): boolean {
  return one?.toLowerCase() === other.toLowerCase();
}
