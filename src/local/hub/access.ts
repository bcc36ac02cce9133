/** The owner of a token, and what the token allows. */
export interface LocalHubUser {
  name: string;
  /** `hf_...`; a user may have several, of different rights. */
  token: string;
  /** Default `write`. */
  role?: 'read' | 'write';
  /** Makes the token a fine-grained one: the users, organizations and repositories (`namespace/name`) it may write to. */
  writes?: string[];
  organizations?: { name: string; role: 'admin' | 'write' | 'contributor' | 'read' }[];
}

/** Whether a namespace is the user's own, or that of an organization they belong to. */
export function isMember(user: LocalHubUser | null, namespace: string): boolean {
  return user !== null && (user.name === namespace || organization(user, namespace) !== undefined);
}

/**
 * Whether a token may write to a repository, create it and change its settings. A contributor may do so with
 * repositories they created.
 * @param author who created the repository, `null` while there is none.
 */
export function mayWrite(user: LocalHubUser, id: string, author: string | null): boolean {
  const [namespace = ''] = id.split('/');
  if (user.role === 'read' || !isMember(user, namespace)) return false;
  if (user.writes && !user.writes.includes(namespace) && !(author !== null && user.writes.includes(id))) return false;
  const role = user.name === namespace ? 'admin' : organization(user, namespace)?.role;
  return role === 'contributor' ? author === null || author === user.name : role !== 'read';
}

/** What `/api/whoami-v2` says. */
export function describe({ name, role = 'write', writes, organizations = [] }: LocalHubUser): Record<string, unknown> {
  const typeOf = (entity: string) => (entity.includes('/') ? 'dataset' : entity === name ? 'user' : 'org');
  const scoped = writes?.map((entity) => ({
    entity: { _id: entity, type: typeOf(entity), name: entity },
    permissions: ['repo.content.read', 'repo.write'],
  }));
  return {
    type: 'user',
    id: name,
    name,
    orgs: organizations.map((one) => ({ type: 'org', id: one.name, name: one.name, roleInOrg: one.role })),
    auth: {
      type: 'access_token',
      accessToken: scoped ? { role: 'fineGrained', fineGrained: { global: [], scoped } } : { role },
    },
  };
}

function organization({ organizations = [] }: LocalHubUser, namespace: string) {
  return organizations.find(({ name }) => name === namespace);
}
