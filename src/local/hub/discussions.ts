import { type HubRequest, readable, requireUser } from './hub-request.ts';
import { HubRefusal, sendJson } from './replies.ts';
import { type PullRequest, pullRequestRef, type Repository } from './repository.ts';

/** Opens a pull request; anybody who can read the repository may. Discussions without one are not stored. */
export function openDiscussion(request: HubRequest, id: string): void {
  const repository = readable(request, id);
  const author = requireUser(request.user);
  const { title, description, pullRequest } = JSON.parse(request.body.toString()) as {
    title: string;
    description?: string;
    pullRequest?: boolean;
  };
  if (!pullRequest) throw new HubRefusal(403, 'Discussions are disabled for this repo');
  const dateMs = request.hub.nowMs();
  const opened = repository.openPullRequest(repository.head, { title, description: description ?? '', author, dateMs });
  sendJson(request.response, { num: opened.num, url: discussionUrl(request, id, opened), pullRequest: true });
}

export function discussion(request: HubRequest, id: string, num: string): void {
  const repository = readable(request, id);
  const found = repository.pullRequests.find((one) => one.num === Number(num));
  if (!found) throw new HubRefusal(404, 'Discussion not found');
  sendJson(request.response, {
    ...summary(repository, found),
    filesWithConflicts: [],
    changes: { base: 'refs/heads/main' },
    events: [comment(found), ...pushes(repository, found)],
    diff: '',
  });
}

export function discussions(request: HubRequest, id: string): void {
  const repository = readable(request, id);
  const list = repository.pullRequests.map((one) => summary(repository, one)).reverse();
  sendJson(request.response, { discussions: list, count: list.length, start: 0, numClosedDiscussions: 0 });
}

/** The address that clients read the number of a pull request from. */
export function discussionUrl({ origin }: HubRequest, id: string, { num }: PullRequest): string {
  return `${origin}/datasets/${id}/discussions/${num}`;
}

function summary({ id }: Repository, { num, title, author, dateMs }: PullRequest): Record<string, unknown> {
  const createdAt = new Date(dateMs).toISOString();
  const repo = { name: id, type: 'dataset' };
  return { num, title, author: { name: author }, createdAt, status: 'draft', repo, isPullRequest: true };
}

function comment({ num, description, author, dateMs }: PullRequest): Record<string, unknown> {
  const data = { edited: false, hidden: false, latest: { raw: description } };
  return {
    id: `comment-${num}`,
    type: 'comment',
    author: { name: author },
    createdAt: new Date(dateMs).toISOString(),
    data,
  };
}

function pushes(repository: Repository, opened: PullRequest): Record<string, unknown>[] {
  const history = repository.history(repository.resolve(pullRequestRef(opened))!);
  const onMain = new Set(repository.history(repository.head).map(({ id }) => id));
  return history
    .filter(({ id }) => !onMain.has(id))
    .reverse()
    .map(({ id, title, author, dateMs }) => ({
      ...{ id, type: 'commit', author: { name: author }, createdAt: new Date(dateMs).toISOString() },
      data: { subject: title, oid: id },
    }));
}
