import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SignedElsewhere } from '../../src/cli/competition/signed-elsewhere.ts';
import { competitionText } from '../../src/competition/content.ts';
import { type DraftFolder, readDraftFolder, writeDraft } from '../../src/competition/draft-folder.ts';
import { competitionTextToSign, publishFoundedCompetition } from '../../src/competition/publish-competition.ts';
import { readFoundedCompetition } from '../../src/competition/read-document.ts';
import { requireCompetition } from '../../src/competition/require-competition.ts';
import { NETUID, openWorld, REPO, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

const counting = (countsFromBlock: number, maxRows: number) => (drafted: DraftFolder) => ({
  ...drafted,
  draft: { ...drafted.draft, countsFromBlock, rules: { ...drafted.draft.rules, maxRows } },
});

describe('publishing', () => {
  test('by anybody but the owner is refused before anything is sent', async () => {
    await expect(world.publish((it) => it, 'other')).rejects.toMatchObject({
      code: 'bad-argument',
      message: expect.stringMatching(
        `the key is that of ${world.other}, and the owner of subnet ${NETUID} is ${world.owner}`,
      ),
    });
    expect(world.hub.repository(REPO)).toBeNull();
  });

  test('again changes nothing; another version has another id, and counts from a later block', async () => {
    const first = await world.publish(counting(5, 100));
    await world.chain.produceBlocks(3);
    expect(await world.publish(counting(5, 100))).toEqual(first);
    expect(world.hub.repository(REPO)!.head.id).toBe(first.reference.commit);

    await expect(world.publish(counting(5, 200))).rejects.toMatchObject({
      code: 'bad-competition',
      facts: { problem: 'not-yet', firstBlock: 6 },
      message: expect.stringMatching(
        /counts from block 5, and the version that org\/chats has from block 5\. Let the new version count from a later/,
      ),
    });
    const second = await world.publish(counting(1_000, 200));
    expect(second.document.id).not.toBe(first.document.id);
    expect(second.reference.commit).not.toBe(first.reference.commit);
    // The first is what it was.
    const { competitions, subtensor } = world;
    const founded = await readFoundedCompetition({ reference: first.reference, competitions });
    expect(founded).toEqual(first);
    expect(await requireCompetition({ founded, subtensor })).toMatchObject({ remarks: [] });
  });

  test('goes on from what was published, whose signature is left out of the draft', async () => {
    const { document } = await world.publish(counting(2_000, 300));
    await writeFile(join(world.folder, 'competition.json'), competitionText({ ...document, countsFromBlock: 3_000 }));
    const { draft, isOtherSet } = await readDraftFolder({ folder: world.folder });
    expect(isOtherSet).toBe(false);
    expect(draft).not.toHaveProperty('signature');
    const { competitions, subtensor } = world;
    const drafted = { folder: world.folder, draft, evaluationPath: join(world.folder, 'data.jsonl') };
    const owner = await world.signer('owner');
    const next = await publishFoundedCompetition({
      ...{ drafted, repo: REPO, subtensor, competitions, owner },
    });
    expect(next.document).toMatchObject({ countsFromBlock: 3_000, rules: { maxRows: 300 } });
  });

  test('takes a signature that was made elsewhere, and sends nothing with another', async () => {
    const { subtensor, competitions, folder } = world;
    const drafted = counting(3_100, 100)(await world.draft());
    const elsewhere = new SignedElsewhere(folder);
    const none = '00'.repeat(64);
    await expect(elsewhere.open(none)).rejects.toThrow(/does not say what was to be signed\. Run this with --to_sign/);
    const toSign = await competitionTextToSign({ drafted, subtensor });
    expect(toSign).toMatchObject({
      address: world.owner,
      text: expect.stringMatching(/^flock-off competition sha256:/),
    });
    await elsewhere.remember(toSign);
    await expect(elsewhere.open('hello')).rejects.toThrow(/it is no signature: expected 64 or 65 bytes as hex/);
    await world.chain.produceBlocks(3);

    const head = world.hub.repository(REPO)!.head.id;
    const publish = async (by: DraftFolder, signature: string) =>
      publishFoundedCompetition({
        ...{ drafted: by, repo: REPO, subtensor, competitions },
        ...(await elsewhere.open(signature)),
      });
    const bytes = await (await world.signer('owner')).sign({ payload: Buffer.from(toSign.text) });
    const signature = Buffer.from(bytes).toString('hex');
    for (const [by, hex] of [
      [drafted, none],
      [counting(3_101, 100)(drafted), signature],
    ] as const)
      await expect(publish(by, hex)).rejects.toMatchObject({
        code: 'bad-argument',
        message: expect.stringMatching(
          /the signature is not that of \S+ for this competition\. Have the text signed anew/,
        ),
      });
    expect(world.hub.repository(REPO)!.head.id).toBe(head);
    const { document } = await publish(drafted, signature);
    expect(document).toMatchObject({ owner: { block: toSign.block }, signature });
  });

  test('makes no draft over another one', async () => {
    const { folder, draft } = await world.draft();
    await expect(writeDraft({ folder, draft })).rejects.toMatchObject({
      code: 'bad-argument',
      message: expect.stringMatching(/competition\.json is there already\. Edit it, or replace it with --force/),
    });
  });

  test('to a repository that not everybody can read is refused', async () => {
    world.hub.repository(REPO)!.visibility = 'private';
    await expect(world.publish(counting(4_000, 100))).rejects.toMatchObject({
      code: 'hub-denied',
      message: expect.stringMatching(/org\/chats is private, and everybody must be able to read a competition/),
    });
    world.hub.repository(REPO)!.visibility = 'public';
  });

  test('is found where the answer to the upload was lost', async () => {
    const commits = () => world.hub.repository(REPO)!.history(world.hub.repository(REPO)!.head).length;
    const before = commits();
    world.hub.faults.inject({ on: '/commit/', fault: { kind: 'lose-answer' } });
    await expect(world.publish(counting(5_000, 100))).rejects.toMatchObject({ code: 'hub-unreachable' });
    await world.chain.produceBlocks(3);
    const founded = await world.publish(counting(5_000, 100));
    expect(founded.document.countsFromBlock).toBe(5_000);
    expect(commits()).toBe(before + 1);
  });
});

describe('whose subnet it was', () => {
  test('is read at the block of the signature, while the node has it, and then from the owner of now', async () => {
    const founded = await world.publish(counting(6_000, 100));
    const look = () => requireCompetition({ founded, subtensor: world.subtensor, early: true });
    expect((await look()).remarks).toEqual([]);
    // Somebody else gets the subnet.
    world.chain.setStorage('SubtensorModule.SubnetOwner', NETUID, world.other);
    await world.chain.produceBlocks(2);
    expect((await look()).remarks).toEqual([
      `the subnet's owner has changed since it was signed: it is ${world.other} now`,
    ]);
    // The node drops the state of that block.
    await world.chain.produceBlocks(2_500);
    await expect(look()).rejects.toMatchObject({
      code: 'bad-competition',
      facts: { problem: 'owner' },
      message: expect.stringMatching(
        new RegExp(
          `was signed by ${world.owner}, the owner of subnet 7 is ${world.other} now, and this node no longer has the state of block \\d+, .* Use an archive node \\(--subtensor\\.network archive\\), or have it signed by the owner of now`,
        ),
      ),
    });
    world.chain.setStorage('SubtensorModule.SubnetOwner', NETUID, world.owner);
    await world.chain.produceBlocks(2);
    expect((await look()).remarks).toEqual([]);
  }, 120_000);
});
