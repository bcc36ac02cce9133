import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { readCommitment } from '../../src/chain/subnet/commitments.ts';
import { WalletHotkey } from '../../src/chain/wallet/hotkey.ts';
import { policyRemark, scheduleRemarks } from '../../src/cli/competition/policy-remark.ts';
import { signerRemark } from '../../src/cli/competition/signer-remark.ts';
import { competitionCommand } from '../../src/cli/competition.ts';
import { competitionLines } from '../../src/competition/competition-text.ts';
import type { FoundedCompetition } from '../../src/competition/read-document.ts';
import { referenceText } from '../../src/competition/reference.ts';
import { requireCompetition } from '../../src/competition/require-competition.ts';
import { parseAnnouncement } from '../../src/evaluation-sets/announcement.ts';
import { appendSet } from '../../src/evaluation-sets/append-set.ts';
import { LIST_PATH } from '../../src/evaluation-sets/list.ts';
import { lockSet } from '../../src/evaluation-sets/locked-file.ts';
import { beaconOf, firstSetFor, roundOfSet } from '../../src/evaluation-sets/schedule.ts';
import { HubEvaluationSetStore } from '../../src/hub/evaluation-set-store.ts';
import { timeInDayMs } from '../../src/policy/day.ts';
import { Competition } from '../../src/schema/competition.ts';
import type { EvaluationSetsRule } from '../../src/schema/evaluation-sets.ts';
import { DailyWinnerRules } from '../../src/schema/policy.ts';
import { inProcess } from '../cli/in-process.ts';
import { fileOf, rowsOf, ruleOf } from '../evaluation-sets/locked-world.ts';
import { NETUID, openWorld, REPO, type World } from './world.ts';

// The commands of docs/founding.md for time-locked sets, in their order, on a chain and a hub of this machine.

let world: World;
let founded: FoundedCompetition;
let rule: EvaluationSetsRule;
let hotkey: WalletHotkey;
let store: HubEvaluationSetStore;
let guide: string;
let rows: string;

beforeAll(async () => {
  world = await openWorld();
  guide = await readFile(new URL('../../docs/founding.md', import.meta.url), 'utf8');
  const path = join(world.folder, 'wallets');
  hotkey = await WalletHotkey.open({ path, name: 'owner' });
  world.chain.register({ netuid: NETUID, hotkey: hotkey.address, coldkey: world.owner });
  await world.chain.produceBlocks(1);
  const { publicKey, ...beacon } = world.chain.beacon;
  rule = ruleOf({
    ...{ repo: 'org/chats-sets', signer: hotkey.address, firstRound: 100, roundsBetween: 100, marginSeconds: 2 },
    beacon: { genesisSeconds: beacon.genesisSeconds, periodSeconds: beacon.periodSeconds, publicKey: hex(publicKey) },
  });
  founded = await world.publish((drafted) => ({
    ...drafted,
    draft: { ...drafted.draft, rules: { ...drafted.draft.rules, evaluationSets: rule } },
  }));
  store = new HubEvaluationSetStore({ endpoint: world.hub.url, token: 'hf_founder', attempts: 1 });
  rows = join(world.folder, 'rows.jsonl');
  await writeFile(rows, fileOf(rowsOf('moons')));
}, 60_000);
afterAll(() => world.close());

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const now = () => Number(world.chain.storage('Timestamp.Now'));
const lock = async (index: number, topic = 'stars', by = rule) =>
  (await lockSet({ data: fileOf(rowsOf(topic)), rows: 8, round: roundOfSet(by, index), beacon: world.chain.beacon }))
    .file as Uint8Array<ArrayBuffer>;
const append = (files: Uint8Array<ArrayBuffer>[], changed: Partial<Parameters<typeof appendSet>[0]> = {}) =>
  appendSet({ rule, netuid: NETUID, subtensor: world.subtensor, store, hotkey, files, ...changed });

/** Runs a command of the guide with what stands there for the reader's own, and gives what it prints. */
async function documented(start: string): Promise<{ code: unknown; said: string }> {
  const block = [...guide.matchAll(/```\n(.+?)```/gs)].flatMap(([, text]) => text!.split('\n'));
  const line = block.find((one) => one.startsWith(`npx flock-off competition ${start}`))!;
  const own = {
    'rows.jsonl': rows,
    'rows.jsonl.locked': `${rows}.locked`,
    'opened.jsonl': join(world.folder, 'o.jsonl'),
  };
  const args = line
    .split(/\s+/)
    .slice(3)
    .map((arg) => {
      return arg === 'org/chats@<sha>' ? referenceText(founded.reference) : (own[arg as keyof typeof own] ?? arg);
    });
  const wallets = args[0] === 'append' ? ['--wallet.path', join(world.folder, 'wallets')] : [];
  const services = ['--subtensor.chain_endpoint', world.chain.url, '--hf_endpoint', world.hub.url, ...wallets];
  const run = { cwd: world.folder, env: { HF_TOKEN: 'hf_founder' } };
  const { code, stdout, stderr } = await inProcess(competitionCommand(), [...args, ...services], run);
  return { code, said: `${stdout}${stderr}`.trimEnd() };
}

test('whoever takes part is shown who lists the sets, when they open, and whose beacon opens them', () => {
  const lines = competitionLines(founded).join('\n');
  expect(lines).toMatch(/measured on time-locked sets: the first opens 20\d\d-.* UTC, then one every 0\.4 minutes/);
  expect(lines).toContain(`sets are listed by ${hotkey.address}, in org/chats-sets`);
  expect(lines).toContain('whoever has its key can open every set at once');
  expect(lines).toContain('set to try things on, of 12 rows');
});

test('lock, append and sets do what the guide says', async () => {
  const locked = await documented('lock');
  expect(locked).toEqual({
    code: 0,
    said: expect.stringMatching(/rows\.jsonl\.locked: 8 rows, locked until drand round \d+/),
  });
  const early = await documented('sets');
  expect(early).toEqual({ code: 1, said: expect.stringMatching(/names no list on the chain/) });
  const listed = await documented('append');
  expect(listed).toEqual({
    code: 0,
    said: expect.stringMatching(/^evaluation set 0 is listed at org\/chats-sets@[0-9a-f]{40}/),
  });
  const shown = await documented('sets');
  expect(shown.said).toMatch(/^set 0: 8 rows, opens 20/m);
  expect(shown.said).toMatch(
    /^an epoch that begins now is measured on set 0, and on no other where that is void: list/m,
  );
  const sealed = await documented('sets org/chats@<sha> --open');
  expect(sealed).toEqual({
    code: 1,
    said: expect.stringMatching(/there is no pulse of round 100: the set opens/),
  });
  await world.chain.produceBlocks(110);
  const opened = await documented('sets org/chats@<sha> --open');
  expect(opened).toEqual({
    code: 0,
    said: expect.stringMatching(/set 0, 8 rows as they were pinned, sha256 [0-9a-f]{64}/),
  });
  expect(await readFile(join(world.folder, 'o.jsonl'), 'utf8')).toBe(await readFile(rows, 'utf8'));
  expect((await documented('sets')).said).toMatch(/an epoch that begins now measures nothing: no set is listed that/);
}, 60_000);

/** Of the list, once sets were appended. */
let lastListed = 0;

test('a call that failed after the upload goes on where it stopped, and a second one changes nothing', async () => {
  const index = firstSetFor(rule, now());
  const file = await lock(index);
  const stop = new Error('the chain is gone');
  const broken = { ...world.subtensor, read: world.subtensor.read.bind(world.subtensor), waitForBlock: async () => 0 };
  const failing = append([file], { subtensor: { ...broken, submit: async () => Promise.reject(stop) } });
  await expect(failing).rejects.toBe(stop);
  const uploaded = await store.latest({ repo: rule.repo });
  const done = await append([file]);
  expect(done.announcement.commit).toBe(uploaded);
  expect(await append([file])).toEqual(done);
  lastListed = done.index;
  const commitment = await world.subtensor.read({
    what: 'reading the commitment',
    use: (snapshot) => readCommitment(snapshot, NETUID, hotkey.address),
  });
  expect(parseAnnouncement(commitment?.text ?? null)).toEqual(done.announcement);
});

test('calls that failed one after the other after the upload are made up for by the next', async () => {
  const index = lastListed + 1;
  const stop = new Error('the chain is gone');
  const broken = { ...world.subtensor, read: world.subtensor.read.bind(world.subtensor), waitForBlock: async () => 0 };
  const subtensor = { ...broken, submit: async () => Promise.reject(stop) };
  for (const one of [index, index + 1]) await expect(append([await lock(one)], { subtensor })).rejects.toBe(stop);
  const done = await append([await lock(index + 2)]);
  lastListed = done.index;
  expect(done.index).toBe(index + 2);
  const at = { repo: rule.repo, commit: done.announcement.commit, path: LIST_PATH, maxBytes: 1e6 };
  const listed = String(await store.read(at))
    .trimEnd()
    .split('\n');
  expect(listed.slice(-3).map((line) => JSON.parse(line).index)).toEqual([index, index + 1, index + 2]);
  const { said } = await documented('sets');
  const [, first, other] = /measured on set (\d+), or on set (\d+) where that is void$/.exec(said)!.map(Number);
  expect(other).toBe(first! + 1);
});

test('a list has an hour to be named in, and is not sent when that is nearly over', async () => {
  const file = await lock(lastListed + 1);
  const before = await store.latest({ repo: rule.repo });
  const HOUR_MS = 3_600_000;
  const soon =
    /the submissions that are measured next end 20.* UTC, and .* 59 minutes are too few\. List it after their/;
  await expect(append([file], { untilMs: now() + HOUR_MS - 1 })).rejects.toThrow(soon);
  expect(await store.latest({ repo: rule.repo })).toBe(before);
  // As where the upload, or the wait for the hotkey's turn, takes most of it.
  const submit = vi.fn(world.subtensor.submit.bind(world.subtensor));
  const read: typeof world.subtensor.read = async (reading) => {
    const value = await world.subtensor.read(reading);
    return reading.what === 'reading the time of the chain' ? { ...value, timeMs: now() + HOUR_MS - 600_000 } : value;
  };
  const subtensor = { ...world.subtensor, read, submit, waitForBlock: async () => 0 };
  const late = append([file], { untilMs: now() + HOUR_MS + 120_000, subtensor });
  await expect(late).rejects.toThrow(/: 1\d minutes are too few/);
  expect(submit).not.toHaveBeenCalled();
  const { index } = await append([file], { untilMs: now() + 2 * HOUR_MS });
  lastListed = index;
});

test.each<[string, () => Promise<unknown>, RegExp]>([
  [
    'a set that opens too soon',
    async () => append([await lock(0)]),
    /set 0 opens .*, too soon for an epoch that begins/,
  ],
  ['no file', async () => append([]), /no file was given/],
  [
    'a file that is not locked',
    async () => append([fileOf(rowsOf('a')) as Uint8Array<ArrayBuffer>]),
    /file 1 is no locked set/,
  ],
  [
    'parts of two sets',
    async () => append([await lock(50), await lock(51)]),
    /the files are parts of different sets: they are locked until the rounds 5100, 5200\. Lock all parts as one set/,
  ],
  [
    'one file twice',
    async () => {
      const file = await lock(50);
      return append([file, file]);
    },
    /a file is given twice/,
  ],
  [
    'a round between two sets',
    async () => {
      const { beacon } = world.chain;
      const locked = await lockSet({ data: fileOf(rowsOf('a')), rows: 8, round: roundOfSet(rule, 50) + 1, beacon });
      return append([locked.file as Uint8Array<ArrayBuffer>]);
    },
    /opens no set: they open with round 100 and every 100 rounds after/,
  ],
  [
    'a set that opens in years, after which none could be listed before',
    async () => append([await lock(500_000)]),
    /set 500000 opens 20\d\d-.*, and once it was listed none before it could be\. List it in the 100 days before/,
  ],
  [
    'a set that opens in no year that there is a date for',
    async () => {
      const far = { ...rule, roundsBetween: 10_000_000 };
      return append([await lock(9_000_000, 'stars', far)], { rule: far });
    },
    /set 9000000 opens in more than 270,000 years, and once/,
  ],
  [
    'a set that is listed, with other files, such as one part that was forgotten',
    async () => append([await lock(lastListed), await lock(lastListed)]),
    /set \d+ is listed already, with other files\. What is listed stays: lock these rows anew, as a later set/,
  ],
  [
    'a set before one that is listed',
    async () => {
      await append([await lock(lastListed + 9)]);
      return append([await lock(lastListed + 8)]);
    },
    /set \d+ does not come after set \d+, which is listed\. Sets are listed in order: lock these rows anew, as set \d+/,
  ],
  ["another's hotkey", async () => append([await lock(50)], { hotkey: await other() }), /and the competition names/],
  [
    'more rows than allowed',
    async () => append([await lock(50)], { rule: { ...rule, maxRows: 7 } }),
    /the set has more than .* 7 rows, and would be void/,
  ],
])('append refuses %s in one sentence', async (_, call, why) => {
  await expect(call()).rejects.toMatchObject({ code: 'bad-argument', message: expect.stringMatching(why) });
});

async function other(): Promise<WalletHotkey> {
  return WalletHotkey.open({ path: join(world.folder, 'wallets'), name: 'other' });
}

test('a list in another repository, of a new version, is not taken for the one that the chain names', async () => {
  await expect(append([await lock(50)], { rule: { ...rule, repo: 'org/new-sets' } })).rejects.toMatchObject({
    code: 'bad-competition',
    message: expect.stringMatching(/org\/new-sets has no list of evaluation sets, and the chain names one by 5\w+/),
  });
});

test('a mistaken name, time or file ends a command with what to do', async () => {
  const run = (...args: string[]) => {
    const services = ['--subtensor.chain_endpoint', world.chain.url, '--hf_endpoint', world.hub.url];
    return inProcess(competitionCommand(), [...args, ...services], { cwd: world.folder, env: { HF_TOKEN: '' } });
  };
  const named = referenceText(founded.reference);
  const lockWith = (...flags: string[]) => run('lock', 'rows.jsonl', '--competition', named, ...flags);
  const failing: [() => ReturnType<typeof run>, RegExp][] = [
    [
      () => run('check', 'chat'),
      /there is no folder chat, and it is no competition either\. Name the folder with the draft/,
    ],
    [() => lockWith('--out', 'rows.jsonl'), /rows\.jsonl is there already, and may be listed\. Remove it if it is not/],
    [
      () => lockWith('--set', '9999999'),
      /set 9999999 opens 20\d\d.* and the rows would be locked until then\. Lock sets of the/,
    ],
    [
      () => lockWith('--at', '2099-01-01T00:00Z'),
      /opens 20(98|99)-.*Lock sets of the next 100 days; set \d+ is the next/,
    ],
    [() => lockWith('--at', '2020-01-01T00:00Z'), /set 0 opens .*, too soon for an epoch that begins from now on/],
    [() => lockWith('--at', 'noon'), /--at noon is no time/],
    [
      () => lockWith('--out', 'new.locked', '--by', 'b'.repeat(81)),
      /the name of whose rows they are has 81 letters, and at most 80/,
    ],
    [
      () => run('lock', 'competition.json', '--competition', named),
      /competition\.json is no evaluation set: .* "flock-off check competition\.json" tells every line/i,
    ],
    [
      () =>
        run('append', named, 'rows.jsonl.locked', 'bens.locked', '--wallet.path', 'wallets', '--wallet.name', 'owner'),
      /there is no file bens\.locked, and a set is listed with all of its parts at once\. Get it from whoever locked it/,
    ],
    [() => run('sets', named, '--open', '77'), /set 77 is not listed\. Name one of/],
    [
      () => run('publish', '.', '--repo', 'chats', '--wallet.path', 'wallets', '--wallet.name', 'owner'),
      /"chats" is no repository on the Hub: expected namespace\/name/,
    ],
  ];
  for (const [ended, sentence] of failing) {
    const { code, stderr } = await ended();
    expect([code, stderr]).toEqual([1, expect.stringMatching(sentence)]);
    expect(stderr.trimEnd().split('\n'), stderr).toHaveLength(1);
  }
});

test('a competition whose sets nobody could list is not published, for a mistyped address', async () => {
  const signer = rule.signer.replace(/.$/, (last) => (last === 'x' ? 'y' : 'x'));
  const publishing = world.publish((drafted) => ({
    ...drafted,
    draft: { ...drafted.draft, rules: { ...drafted.draft.rules, evaluationSets: { ...rule, signer } } },
  }));
  await expect(publishing).rejects.toMatchObject({
    code: 'bad-argument',
    message: expect.stringMatching(/5\w+, is no ss58 address: nobody could list a set\. Correct rules\.evaluationSets/),
  });
});

const utc = (hours: number) => new Date(now() + hours * 3_600_000).toISOString().slice(11, 16);

/** One of daily-winner with these times, counting so many blocks later than the first, and a command of it. */
async function dailyOf(times: Record<'submissionsFrom' | 'submissionsUntil' | 'rewardsFrom', string>, later: number) {
  const policy = { name: 'daily-winner', parameters: { ...times, evaluationRows: 'leave-out', blockSeconds: 0.25 } };
  const { reference } = await world.publish((drafted) => {
    const { countsFromBlock, rules } = drafted.draft;
    const { id: _, ...others } = Competition.parse({ ...rules, evaluationSets: rule, policy });
    return { ...drafted, draft: { ...drafted.draft, countsFromBlock: countsFromBlock + later, rules: others } };
  });
  const services = ['--subtensor.chain_endpoint', world.chain.url, '--hf_endpoint', world.hub.url];
  const run = { cwd: world.folder, env: { HF_TOKEN: 'hf_founder' } };
  const wallet = ['--wallet.path', 'wallets', '--wallet.name', 'owner'];
  const named = referenceText(reference);
  return {
    command: (...args: string[]) => inProcess(competitionCommand(), [...args, ...services], run),
    lock: ['lock', 'rows.jsonl', '--competition', named],
    sets: ['sets', named],
    append: (file: string) => ['append', named, file, ...wallet],
  };
}

test('while the datasets of a day are measured no other list is named, and one that came since is said to be late', async () => {
  const times = { submissionsFrom: utc(-3), submissionsUntil: utc(-2), rewardsFrom: utc(5) };
  const { command, lock, sets, append } = await dailyOf(times, 10_000);
  const { code, stderr } = await command(...append('rows.jsonl.locked'));
  expect([code, stderr]).toEqual([
    1,
    expect.stringMatching(
      new RegExp(`the day's datasets are being measured, by the list .* from ${times.rewardsFrom} UTC on`),
    ),
  ]);
  expect((await command(...sets)).stdout).toMatch(/an epoch that begins now measures nothing: the list is late/);
  expect(JSON.parse((await command(...sets, '--json')).stdout)).toMatchObject({ late: true });
  const tomorrow = timeInDayMs(now(), DailyWinnerRules.parse(times), 'submissionsUntil') + 86_400_000;
  const { stdout } = await command(...lock, '--out', 'tomorrow.locked');
  expect(stdout).toContain(`as set ${firstSetFor(rule, tomorrow)}\n`);
});

test('a competition whose blocks are said to come more slowly than they do is not published, nor played', async () => {
  const changed = (drafted: Awaited<ReturnType<typeof world.draft>>, blockSeconds: number) => {
    const policy = { name: 'daily-winner', parameters: { evaluationRows: 'leave-out', blockSeconds } };
    const { id: _, ...rules } = Competition.parse({ ...drafted.draft.rules, evaluationSets: rule, policy });
    const { countsFromBlock } = drafted.draft;
    return { ...drafted, draft: { ...drafted.draft, countsFromBlock: countsFromBlock + 15_000, rules } };
  };
  const before = await world.competitions.latest({ repo: REPO });
  const refused = {
    code: 'bad-competition',
    message: expect.stringMatching(/says that blocks are 0\.3 s apart at the least .* on this chain it is 0\.25 s/),
  };
  await expect(world.publish((drafted) => changed(drafted, 0.3))).rejects.toMatchObject(refused);
  expect(await world.competitions.latest({ repo: REPO })).toBe(before);
  const fine = await world.publish((drafted) => changed(drafted, 0.25));
  const parameters = { ...fine.competition.policy.parameters, blockSeconds: 0.3 };
  const slow = { ...fine.competition, policy: { ...fine.competition.policy, parameters } };
  const founded = { ...fine, competition: slow };
  await expect(requireCompetition({ founded, subtensor: world.subtensor, early: true })).rejects.toMatchObject(refused);
});

test('append says of a set that no day can be measured on it', async () => {
  const times = { submissionsFrom: utc(-1), submissionsUntil: utc(3), rewardsFrom: utc(4) };
  const { command, lock, append } = await dailyOf(times, 20_000);
  const index = Math.max(firstSetFor(rule, now()) + 1, lastListed + 20);
  await command(...lock, '--set', `${index}`, '--out', 'now.locked');
  const useless = await command(...append('now.locked'));
  expect(useless.stdout).toMatch(
    new RegExp(`evaluation set ${index} is listed .*no day is measured on it: it does not`, 's'),
  );
  await command(...lock, '--out', 'today.locked');
  const usable = await command(...append('today.locked'));
  expect(usable.stdout).toMatch(/evaluation set \d+ is listed/);
  expect(usable.stdout).not.toContain('no day is measured');
});

test('a round that was taken for another number is told by a check', () => {
  const nowMs = Date.UTC(2026, 11, 1);
  const remarks = (firstRound: number) =>
    scheduleRemarks({ evaluationSets: { ...rule, beacon: 'quicknet', roundsBetween: 1_200, firstRound } }, nowMs);
  const round = (nowMs / 1000 - 1_692_803_367) / 3 + 1;
  expect(remarks(round + 1_200)).toEqual([]);
  expect(remarks(1_796_000_000)).toEqual([
    expect.stringMatching(
      /^nothing is measured before round 1796000000 of 2194-.*: the round of a time is \(Unix time - 1692803367\) \/ 3 \+ 1$/,
    ),
  ]);
  expect(remarks(1_000)).toEqual([
    expect.stringMatching(
      /^round 1000 is over since 2023-08-23 .*: the first set that can be listed is \d+, 2026-12-01 /,
    ),
  ]);
  expect(remarks(2 ** 40)).toHaveLength(1);
});

test('days of daily-winner that no set measures, or only one, are told by a check', () => {
  const remark = (firstRound: number, roundsBetween: number) =>
    policyRemark(
      Competition.parse({
        evaluationSets: { ...rule, beacon: 'quicknet', firstRound, roundsBetween, marginSeconds: 600 },
        policy: { name: 'daily-winner', parameters: { evaluationRows: 'leave-out' } },
      }),
    ).join();
  const roundAtUtc = (hours: number) => (Date.UTC(2026, 11, 1, hours) / 1000 - 1_692_803_367) / 3 + 1;
  expect(remark(roundAtUtc(13), 1_200)).toBe('');
  expect(remark(roundAtUtc(13), 28_800)).toMatch(
    /a day whose set is void has no other one to be measured on, and the last winner stays/,
  );
  expect(remark(roundAtUtc(12), 28_800)).toMatch(
    /there are days on which no set opens between the end of the submissions/,
  );
  expect(remark(roundAtUtc(13), 28_000)).toMatch(/there are days on which no set opens/);
});

test('a list that somebody with write access has changed is not signed over', async () => {
  const commit = (await store.latest({ repo: rule.repo }))!;
  await store.publish({ repo: rule.repo, parent: commit, files: [{ path: LIST_PATH, content: '{}\n' }] });
  await expect(append([await lock(50)])).rejects.toMatchObject({
    code: 'bad-competition',
    message: expect.stringMatching(/org\/chats-sets does not go on from the set that the chain names/),
  });
});

test('policies that compare losses of several epochs, or ask for rows of a known set, are advised against', () => {
  const remark = (name: string) =>
    policyRemark(Competition.parse({ policy: { name, parameters: {} }, evaluationSets: rule })).join();
  expect(remark('win-rates')).toBe('');
  const { periodSeconds } = beaconOf(rule);
  const apart = (hours: number) =>
    policyRemark(
      Competition.parse({ evaluationSets: { ...rule, roundsBetween: Math.ceil((hours * 3600) / periodSeconds) } }),
    ).join();
  expect(apart(23)).toBe('');
  expect(apart(24)).toMatch(
    /an epoch whose set is void has no other one .*, and the next epoch is measured on the next/,
  );
  expect(remark('benchmark-curve')).toMatch(/take win-rates/);
  expect(remark('daily-winner')).toMatch(/no validator plays this; with the parameter "evaluationRows": "leave-out"/);
});

test('a check says where the hotkey that lists the sets may lose its place', async () => {
  const owner = (address: string) => world.chain.setStorage('SubtensorModule.SubnetOwnerHotkey', NETUID, address);
  owner(hotkey.address);
  await world.chain.produceBlocks(1);
  expect(await signerRemark(founded, world.subtensor)).toEqual([]);
  owner((await other()).address);
  await world.chain.produceBlocks(1);
  expect(await signerRemark(founded, world.subtensor)).toEqual([expect.stringMatching(/is not the owner's hotkey/)]);
  const { address: signer } = await other();
  const competition = { ...founded.competition, evaluationSets: { ...rule, signer } };
  expect(await signerRemark({ ...founded, competition }, world.subtensor)).toEqual([
    `nobody can list sets: ${signer} is not registered on subnet ${NETUID}`,
  ]);
});

test('a rule with a misspelt name, or without a signer, is no competition', () => {
  const { signer: _, ...without } = rule;
  expect(Competition.safeParse({ evaluationSets: without }).success).toBe(false);
  expect(Competition.safeParse({ evaluationSets: { ...rule, marginSecond: 1 } }).success).toBe(false);
  expect(Competition.safeParse({ evaluationSets: { ...rule, roundsBetween: 0 } }).success).toBe(false);
});
