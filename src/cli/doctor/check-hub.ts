import { messageOf } from '../../errors/flock-off-error.ts';
import { publishingProblem, tokenRights } from '../../hub/token-rights.ts';
import { parseHubEndpoint } from '../../schema/hub-endpoint.ts';
import { RepoId } from '../../schema/model-id.ts';
import { httpRoute } from '../../shared/proxy-fetch.ts';
import type { MachineCheck } from './machine-check.ts';

export interface CheckHubParameters {
  hubEndpoint: string;
  hubToken: string | undefined;
  /** The repository that a miner's token is to write. Default: it is said where it may write at all. */
  repo?: string;
}

const ANSWER_MS = 15_000;
/** How the Hub says that there is no such repository, or none that the token may see. */
const MISSING = [401, 404];

/**
 * Whether the hub answers, and what the token may do there: write the miner's repository, or, on a validator's machine, more
 * than it needs.
 */
export async function checkHub(parameters: CheckHubParameters & { isValidator: boolean }): Promise<MachineCheck> {
  const { hubEndpoint, hubToken, repo, isValidator } = parameters;
  const found = (ok: boolean | null, told: string): MachineCheck => ({ name: 'hub', ok, told });
  try {
    const hubUrl = parseHubEndpoint(hubEndpoint, 'HF_ENDPOINT');
    const { fetch } = httpRoute({ env: process.env }, hubUrl);
    const headers: Record<string, string> = hubToken === undefined ? {} : { authorization: `Bearer ${hubToken}` };
    const ask = (path: string) => fetch(`${hubUrl}/api/${path}`, { headers, signal: AbortSignal.timeout(ANSWER_MS) });
    const response = await ask('whoami-v2');
    if (hubToken === undefined) {
      await response.body?.cancel();
      const need = repo === undefined ? '' : `: publishing ${repo} needs one, set HF_TOKEN`;
      return found(repo === undefined ? null : false, `${hubUrl} answers; there is no token to ask of${need}`);
    }
    if (!response.ok) {
      await response.body?.cancel();
      const { status } = response;
      const isRefused = status === 401 || status === 403;
      return found(
        false,
        isRefused ? `the token is answered with ${status}: make a new one` : `${hubUrl} answers ${status}`,
      );
    }
    const answer: unknown = await response.json();
    const rights = tokenRights(answer);
    if (rights === null) return found(null, `${hubUrl} does not say what the token may do`);
    const whose = `the token is ${rights.owner}'s, ${rights.role}`;
    if (repo !== undefined) {
      if (!RepoId.safeParse(repo).success) return found(false, `${repo} is no repository: expected namespace/name`);
      const { ok: exists, status, body } = await ask(`datasets/${repo}`);
      await body?.cancel();
      if (!exists && !MISSING.includes(status))
        return found(null, `${whose}; whether it may publish ${repo} is not known: the hub answers ${status} for it`);
      const problem = publishingProblem(answer, { repo, exists });
      if (problem !== null)
        return found(false, `${whose}, and may not publish ${repo}: ${problem}; put one that may into HF_TOKEN`);
      return found(true, `${whose}, and may publish ${repo}`);
    }
    const { writes, others } = rights;
    if (writes === null) return found(null, `${whose}; the hub does not say what it may write to`);
    if (writes.length === 0 && others.length === 0)
      return found(true, `${whose}, and may write nothing: enough for a validator, not for a miner`);
    const what = `${whose}, and may write to ${inWords(writes, others)}`;
    if (isValidator)
      return found(false, `${what}: a validator only reads, so replace it with a token that may read and no more`);
    if (writes.length === 0) return found(true, `${what}: not enough for a miner, more than a validator needs`);
    return found(true, `${what}: a miner's; a validator needs none that may write`);
  } catch (error) {
    return found(false, messageOf(error));
  }
}

function inWords(writes: string[], others: string[]): string {
  if (others.length === 0) return writes.join(', ');
  return writes.length === 0
    ? `no repository, but has ${others.join(', ')}`
    : `${writes.join(', ')}, and has ${others.join(', ')}`;
}
