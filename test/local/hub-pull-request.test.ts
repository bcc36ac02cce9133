import { commit, HubApiError, listFiles } from '@huggingface/hub';
import { expect, test } from 'vitest';
import { LocalHub } from '../../src/local/hub/local-hub.ts';

test.each(['regular', 'lfs'] as const)(
  "a pull request of @huggingface/hub's client leaves main alone (%s storage)",
  async (storageMode) => {
    const hub = await LocalHub.open({
      users: [
        { name: 'ann', token: 'hf_ann' },
        { name: 'ben', token: 'hf_ben' },
      ],
      storageMode,
    });
    try {
      const calls = { repo: 'datasets/ann/chats', hubUrl: hub.url };
      await fetch(`${hub.url}/api/repos/create`, {
        method: 'POST',
        headers: { Authorization: 'Bearer hf_ann' },
        body: JSON.stringify({ name: 'chats', type: 'dataset' }),
      });
      const { head } = hub.repository('ann/chats')!;
      const operations = [
        { operation: 'addOrUpdate' as const, path: 'one/data.jsonl', content: new Blob(['{"a":1}\n']) },
      ];
      const proposed = await commit({
        ...calls,
        accessToken: 'hf_ben',
        operations,
        title: 'Propose',
        isPullRequest: true,
      });
      expect(proposed?.pullRequestUrl).toBe(`${hub.url}/datasets/ann/chats/discussions/1`);
      expect(hub.repository('ann/chats')!.head).toBe(head);
      expect(hub.repository('ann/chats')!.resolve('refs/pr/1')!.id).toBe(proposed?.commit.oid);

      const paths = async (more: { path?: string; revision?: string }) => {
        const found: string[] = [];
        for await (const { path } of listFiles({ ...calls, ...more })) found.push(path);
        return found;
      };
      expect(await paths({ path: 'one', revision: 'refs/pr/1' })).toEqual(['one/data.jsonl']);
      expect(await paths({})).toEqual([]);
      await expect(paths({ path: 'one' })).rejects.toBeInstanceOf(HubApiError);
    } finally {
      await hub.close();
    }
  },
);
