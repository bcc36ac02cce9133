import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Subtensor } from '../../src/chain/subtensor.ts';
import { openColdkey } from '../../src/chain/wallet/coldkey.ts';
import { signBytes } from '../../src/chain/wallet/signed-bytes.ts';
import { competitionId, competitionText, contentHash, signedText } from '../../src/competition/content.ts';
import type { CompetitionDocument } from '../../src/competition/document.ts';
import { draftCompetition } from '../../src/competition/draft-competition.ts';
import { type DraftFolder, readDraftFolder, writeDraft } from '../../src/competition/draft-folder.ts';
import { publishFoundedCompetition } from '../../src/competition/publish-competition.ts';
import type { FoundedCompetition } from '../../src/competition/read-document.ts';
import { loadEvaluationSet } from '../../src/dataset/load-rows.ts';
import { HubCompetitionStore } from '../../src/hub/competition-store.ts';
import { HubDatasetStore } from '../../src/hub/hub-dataset-store.ts';
import { LocalChain } from '../../src/local/chain/local-chain.ts';
import { writeDevWallet } from '../../src/local/dev-wallet.ts';
import { LocalHub } from '../../src/local/hub/local-hub.ts';
import { regularFile } from '../../src/local/hub/repository.ts';
import { LOCAL_COMPETITION } from '../../src/local/local-competition.ts';
import { TINY_BASE } from '../../src/local/tiny-base.ts';
import { Competition } from '../../src/schema/competition.ts';

export const NETUID = 7;
export const REGISTERED = 3;
const TOKEN = 'hf_founder';
export const REPO = 'org/chats';

const chat = (i: number) => ({
  conversations: [
    { role: 'user', content: `What is ${i} times seven?` },
    { role: 'assistant', content: `It is ${i * 7}, of course.` },
  ],
});
export const EVALUATION = Array.from({ length: 12 }, (_, i) => `${JSON.stringify(chat(i))}\n`).join('');

/** A subnet with an owner, a hub with a base model, and what founds a competition on them. */
export async function openWorld() {
  const folder = await mkdtemp(join(tmpdir(), 'flock-off-founding-'));
  const path = join(folder, 'wallets');
  const owner = await writeDevWallet({ path, name: 'owner', coldkey: true });
  const other = await writeDevWallet({ path, name: 'other', coldkey: true });
  const hub = await LocalHub.open({
    users: [{ name: 'org', token: TOKEN }],
    models: [{ id: 'org/base', folder: TINY_BASE }],
  });
  const chain = await LocalChain.open({
    blockTimeMs: 'instant',
    subnets: [{ netuid: NETUID, owner: owner.coldkey, registrationBlock: REGISTERED, neurons: [] }],
  });
  await chain.produceBlocks(10);
  const subtensor = await Subtensor.open({ endpoint: chain.url, maxClockDifferenceMs: Number.POSITIVE_INFINITY });
  const competitions = new HubCompetitionStore({ endpoint: hub.url, token: TOKEN, attempts: 1 });
  const datasets = new HubDatasetStore({ endpoint: hub.url, attempts: 1 });
  const signer = (name: string) => openColdkey({ path, name });
  const evaluationPath = join(folder, 'data.jsonl');
  await writeFile(evaluationPath, EVALUATION);

  const world = {
    ...{ folder, hub, chain, subtensor, competitions, datasets, owner: owner.coldkey, other: other.coldkey, signer },
    /** A draft in the folder, as `init` makes it. */
    async draft(): Promise<DraftFolder> {
      const caches = { hubCacheDir: join(folder, 'hub-cache'), cacheDir: join(folder, 'models') };
      const { draft } = await draftCompetition({
        ...{ name: 'Chats', subtensor, netuid: NETUID, rules: Competition.parse(LOCAL_COMPETITION) },
        baseModel: { model: 'org/base', hubEndpoint: hub.url, ...caches },
        evaluation: await loadEvaluationSet({ path: evaluationPath }),
      });
      await writeDraft({ folder, draft, overwrite: true });
      return readDraftFolder({ folder });
    },
    async publish(
      change: (drafted: DraftFolder) => DraftFolder = (it) => it,
      by = 'owner',
    ): Promise<FoundedCompetition> {
      const drafted = change(await world.draft());
      return publishFoundedCompetition({ drafted, repo: REPO, subtensor, competitions, owner: await signer(by) });
    },
    /** Commits files as somebody might who may write to the repository. */
    commit(files: Record<string, string>): string {
      const changes = Object.entries(files).map(([path, text]) => ({ path, file: regularFile(Buffer.from(text)) }));
      return hub.repository(REPO)!.commit({ changes, author: 'org', title: 'Change it', dateMs: 0 }).id;
    },
    /** What was published with something changed, signed anew by the wallet of that name; `null`: signed by nobody. */
    async forge(
      founded: FoundedCompetition,
      change: (document: CompetitionDocument) => object,
      by: string | null = 'owner',
    ): Promise<string> {
      const { id, signature, ...content } = change(structuredClone(founded.document)) as CompetitionDocument;
      if (by === null) return world.commit({ 'competition.json': competitionText({ ...content, id, signature }) });
      const hash = contentHash(content);
      const signed = await signBytes({ hotkey: await signer(by), bytes: signedText(hash) });
      const sealed = { ...content, id: competitionId(hash), signature: Buffer.from(signed).toString('hex') };
      return world.commit({ 'competition.json': competitionText(sealed) });
    },
    async close() {
      await subtensor.close();
      await chain.close();
      await hub.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return world;
}

export type World = Awaited<ReturnType<typeof openWorld>>;
