import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { competitionText } from '../../src/competition/content.ts';
import { type CompetitionDocument, CompetitionDraft } from '../../src/competition/document.ts';
import { fetchEvaluation, requireBaseModel } from '../../src/competition/fetch-evaluation.ts';
import { type FoundedCompetition, readFoundedCompetition } from '../../src/competition/read-document.ts';
import { requireCompetition } from '../../src/competition/require-competition.ts';
import { MAX_COMPETITION_BYTES } from '../../src/hub/competition-store.ts';
import { EVALUATION, NETUID, openWorld, REPO, type World } from './world.ts';

let world: World;
let founded: FoundedCompetition;
beforeAll(async () => {
  world = await openWorld();
  founded = await world.publish();
});
afterAll(() => world.close());

/** All that a miner or validator does with a competition at a commit. */
async function take(commit: string): Promise<FoundedCompetition> {
  const reference = { repo: REPO, commit };
  const read = await readFoundedCompetition({ reference, competitions: world.competitions });
  await requireCompetition({ founded: read, subtensor: world.subtensor });
  const { folder: cacheDir, datasets } = world;
  await fetchEvaluation({ founded: read, datasets, cacheDir });
  return read;
}

const refusal = (problem: string, sentence: RegExp) => ({
  code: 'bad-competition',
  facts: { problem },
  message: expect.stringMatching(sentence),
});
const withTexts = (document: CompetitionDocument, about: string) => ({
  ...document,
  texts: { ...document.texts, about },
});

test('what the owner signed and published is taken, rules in full', async () => {
  const taken = await take(founded.reference.commit);
  expect(taken.competition).toMatchObject({ id: founded.document.id, blocksPerEpoch: 12, claimBlocks: 50_400 });
  expect(taken.competition.policy.parameters).toMatchObject({ temperature: 0.08 });
  // Another order of names is the same competition.
  const { signature, ...first } = founded.document;
  expect((await take(world.commit({ 'competition.json': competitionText({ signature, ...first }) }))).hash).toBe(
    founded.hash,
  );
});

describe('without a chain it is seen', () => {
  test('that there is none', async () => {
    const sentence = /is not there: the Hub shows no competition\.json in a public repository at that commit/;
    await expect(take('0'.repeat(40))).rejects.toMatchObject(refusal('missing', sentence));
    await expect(
      take(world.hub.repository(REPO)!.history(world.hub.repository(REPO)!.head).at(-1)!.id),
    ).rejects.toMatchObject(refusal('missing', sentence));
  });

  test('that not everybody can read it, though our own token could', async () => {
    const repository = world.hub.repository(REPO)!;
    repository.visibility = 'private';
    await expect(take(founded.reference.commit)).rejects.toMatchObject(refusal('missing', /public repository/));
    repository.visibility = 'public';
    repository.gated = true;
    await expect(take(founded.reference.commit)).rejects.toMatchObject(refusal('missing', /public repository/));
    repository.gated = false;
  });

  test.each<[string, string, string | ((text: string) => string), RegExp]>([
    ['too large', 'too-large', `{"x": "${'x'.repeat(MAX_COMPETITION_BYTES)}"}`, /has more than 262144 bytes/],
    ['no JSON', 'unreadable', '{', /is not JSON/],
    ['JSON of something else', 'unreadable', 'null', /is no competition of this kind/],
    ['a list', 'unreadable', '[]', /is no competition of this kind/],
    [
      'of a later format',
      'unreadable',
      (text) => text.replace('"version": 1', '"version": 2'),
      /another format than version 1, .* Use the version of flock-off that the competition asks for/,
    ],
    [
      'with a name twice',
      'unreadable',
      (text) => text.replace('  "name": "Chats",', '  "name": "Chess",\n  "name": "Chats",'),
      /was not written as flock-off does: a name may stand in it twice/,
    ],
    [
      'nested deeply',
      'unreadable',
      (text) => text.replace('"parameters": {', `"parameters": {"x": ${'['.repeat(50_000)}${']'.repeat(50_000)},`),
      /does not hold what a competition does/,
    ],
    [
      'nested deeply for a policy of its own',
      'unreadable',
      (text) =>
        text
          .replace('"name": "win-rates"', '"name": "mine"')
          .replace('"parameters": {', `"parameters": {"x": ${'['.repeat(50_000)}${']'.repeat(50_000)},`),
      /was not written as flock-off does/,
    ],
    [
      'changed after it was signed',
      'id',
      (text) => text.replace('"maxRows": 20000', '"maxRows": 20001'),
      /was changed after it was signed: it has the id \S{12}, and its content gives \S{12}/,
    ],
    [
      'given another id',
      'id',
      (text) => text.replace(/"id": "."/, '"id": "x"').replace(/"id": "..../, '"id": "AAAA'),
      /was changed after it was signed/,
    ],
    [
      'signed by nobody',
      'signature',
      (text) => text.replace(/"signature": "..../, '"signature": "0000'),
      /does not have the signature of/,
    ],
    [
      'without a signature',
      'unreadable',
      (text) => text.replace(/,\n {2}"signature": "[^"]*"/, ''),
      /signature: Invalid input/,
    ],
  ])('that it is %s', async (_, problem, change, sentence) => {
    const text = typeof change === 'string' ? change : change(competitionText(founded.document));
    expect(text).not.toBe(competitionText(founded.document));
    await expect(take(world.commit({ 'competition.json': text }))).rejects.toMatchObject(refusal(problem, sentence));
  });

  test.each<[string, (document: CompetitionDocument) => object, RegExp]>([
    ['at the top', (it) => ({ ...it, txets: it.texts }), /Unrecognized key: "txets" \(is "texts" meant\?\)/],
    [
      'in the rules',
      (it) => ({ ...it, rules: { ...it.rules, maxRow: 4 } }),
      /rules: Unrecognized key: "maxRow" \(is "maxRows" meant\?\)/,
    ],
    [
      'in the recipe',
      (it) => ({ ...it, rules: { ...it.rules, recipe: { rnak: 4 } } }),
      /rules\.recipe: .*"rnak" \(is "rank" meant\?\)/,
    ],
    [
      'in the policy',
      (it) => ({ ...it, rules: { ...it.rules, policy: { name: 'win-rates', parameters: { temprature: 1 } } } }),
      /rules\.policy\.parameters: .*"temprature" \(is "temperature" meant\?\)/,
    ],
    [
      'of the base model',
      (it) => ({ ...it, baseModel: { ...it.baseModel, comit: 'x' } }),
      /baseModel: .*"comit" \(is "commit" meant\?\)/,
    ],
    ['as an id of the rules', (it) => ({ ...it, rules: { ...it.rules, id: '1' } }), /rules: Unrecognized key: "id"/],
  ])('that a name is misspelt %s, though it is signed', async (_, change, sentence) => {
    await expect(take(await world.forge(founded, change))).rejects.toMatchObject(refusal('unreadable', sentence));
  });

  test('that another key signed for the owner that it names', async () => {
    const commit = await world.forge(founded, (it) => withTexts(it, 'mine'), 'other');
    await expect(take(commit)).rejects.toMatchObject(
      refusal('signature', new RegExp(`does not have the signature of ${world.owner}, whom it names as the owner`)),
    );
  });
});

describe('with a chain it is seen', () => {
  test('that somebody signed it who does not own the subnet', async () => {
    const commit = await world.forge(
      founded,
      (it) => ({ ...it, owner: { ...it.owner, address: world.other } }),
      'other',
    );
    const sentence = new RegExp(
      `was signed by ${world.other}, and at block \\d+ the owner of subnet ${NETUID} was ${world.owner}`,
    );
    await expect(take(commit)).rejects.toMatchObject(refusal('owner', sentence));
  });

  test.each<[string, (document: CompetitionDocument) => CompetitionDocument['subnet'], object]>([
    ['another chain', (it) => ({ ...it.subnet, genesisHash: `0x${'0'.repeat(64)}` }), { code: 'wrong-subnet' }],
    ['an earlier holder of the number', (it) => ({ ...it.subnet, registrationBlock: 1 }), { code: 'wrong-subnet' }],
    [
      'a subnet whose registration it does not name, as the owner of an earlier one might',
      (it) => ({ ...it.subnet, registrationBlock: null }),
      {
        code: 'bad-competition',
        message: expect.stringMatching(/does not say in which block its subnet was registered/),
      },
    ],
    ['a number that nobody has', (it) => ({ ...it.subnet, netuid: 77 }), { code: 'bad-argument' }],
  ])('that it is of %s', async (_, subnet, error) => {
    await expect(take(await world.forge(founded, (it) => ({ ...it, subnet: subnet(it) })))).rejects.toMatchObject(
      error,
    );
  });

  test.each([
    ['has not come', 1_000_000, /names block 1000000 for its owner of subnet 7, and this chain is at block \d+/],
    ['was before the registration', 2, /names block 2 for its owner of subnet 7, which was registered only in block 3/],
  ])('that the block of the signature %s', async (_, block, sentence) => {
    const commit = await world.forge(founded, (it) => ({ ...it, owner: { ...it.owner, block } }));
    await expect(take(commit)).rejects.toMatchObject(refusal('owner', sentence));
  });

  test('that it does not count yet, and from when on', async () => {
    const commit = await world.forge(founded, (it) => ({ ...it, countsFromBlock: 900_000 }));
    await expect(take(commit)).rejects.toMatchObject({
      ...refusal('not-yet', /counts from block 900000 on, and the chain is at block \d+\. Start this again then/),
      facts: { problem: 'not-yet', firstBlock: 900_000 },
    });
  });
});

describe('of what belongs to it is refused', () => {
  test.each<[string, Record<string, string>, RegExp]>([
    [
      'of the same size',
      { 'data.jsonl': EVALUATION.replace('seven', 'eleve') },
      /has the evaluation set [0-9a-f]{64}, and what was signed is/,
    ],
    [
      'that is longer',
      { 'data.jsonl': EVALUATION + EVALUATION },
      /does not have the evaluation set that was signed: data\.jsonl has more than the \d+ bytes allowed/,
    ],
  ])('an evaluation set %s', async (_, files, sentence) => {
    await world.forge(founded, (it) => it, null);
    const commit = world.commit({ ...files, 'competition.json': competitionText(withTexts(founded.document, '')) });
    const cached = join(world.folder, 'competitions', founded.hash, 'data.jsonl');
    await mkdir(join(cached, '..'), { recursive: true });
    await writeFile(cached, 'what lies there is looked at, too');
    await expect(take(commit)).rejects.toMatchObject(refusal('evaluation', sentence));
    world.commit({ 'data.jsonl': EVALUATION });
    await take(founded.reference.commit);
    expect(await readFile(cached, 'utf8')).toBe(EVALUATION);
  });

  test('an evaluation set with another number of rows than was signed, or with none', async () => {
    const rows = await world.forge(founded, (it) => ({ ...it, evaluation: { ...it.evaluation, rows: 13 } }));
    await expect(take(rows)).rejects.toMatchObject(
      refusal('evaluation', /has 12 rows in its evaluation set, and 13 were signed/),
    );
  });

  test('a base model with other bytes', async () => {
    const { sha256 } = founded.document.baseModel;
    requireBaseModel({ founded, baseSha256: sha256 });
    const baseSha256 = sha256.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
    await expect(async () => requireBaseModel({ founded, baseSha256 })).rejects.toMatchObject(
      refusal('base-model', /is played with the base model [0-9a-f]{64} \(org\/base at [0-9a-f]{40}\)/),
    );
  });
});

test('every rule is in what was signed, so that no later default changes it', () => {
  const { rules } = founded.document;
  expect(rules).toEqual(CompetitionDraft.shape.rules.parse(rules));
  // Left out where all epochs have one set; no default stands for it.
  const { evaluationSets, ...always } = CompetitionDraft.shape.rules.shape;
  expect(Object.keys(rules).sort()).toEqual(Object.keys(always).sort());
  expect(evaluationSets.parse(undefined)).toBeUndefined();
});
