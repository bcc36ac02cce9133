import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Competition, computeWeights, type Policy, readCompetitionFile, winRatesPolicy } from 'flock-off';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPolicy } from '../../examples/rules.ts';

let folder: string;
let documented: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flock-off-policy-'));
  const docs = await readFile(new URL('../../docs/policies.md', import.meta.url), 'utf8');
  documented = /```js\n(.+?)```/s.exec(docs)![1]!;
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** As validator.ts reads its flags. */
async function readRules(flags: { competition_file?: string; policy?: string }) {
  const competition = await readCompetitionFile({ path: flags.competition_file });
  return { competition, policy: await readPolicy(flags.policy, competition) };
}

const fileWith = async (text: string, name = 'mine.mjs') => {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
};
/** What a file of its own exports, with the package's own policy in place of the import, which only an installed package has. */
const load = (text: string, name?: string) =>
  fileWith(text.replace(/^import .+$/m, 'const winRatesPolicy = () => globalThis.winRates;'), name);

describe('the policy of docs/policies.md', () => {
  it('has about forty lines, and pays the three best of a day, one for each coldkey', async () => {
    expect(documented.trim().split('\n').length).toBeLessThan(48);
    Object.assign(globalThis, { winRates: winRatesPolicy() });
    const { policy } = await readRules({ policy: await load(documented) });
    const neurons = ['ann', 'ben', 'cid', 'dan', 'eve'].map((hotkey, uid) => ({
      ...{ uid, hotkey, consensus: 0 },
      coldkey: hotkey === 'ben' ? 'ann' : hotkey,
    }));
    const loss = (hotkey: string, lossNatsPerToken: number) => ({ hotkey, lossNatsPerToken, commitBlock: 1 });
    const epoch = { policy: policy!, neurons, rejected: new Set<string>(), previous: {}, baselineLossNatsPerToken: 5 };
    const first = computeWeights({
      ...epoch,
      scored: [loss('ann', 1), loss('ben', 1.1), loss('cid', 2), loss('eve', 9)],
      now: { block: 360, timeMs: 0 },
    });
    expect(first.weights).toEqual([
      { uid: 0, hotkey: 'ann', weight: 50 / 80 },
      { uid: 2, hotkey: 'cid', weight: 30 / 80 },
    ]);
    expect([...first.worthless]).toEqual(['eve']);
    const second = { ...epoch, scored: [loss('dan', 0.5)], memory: first.memory };
    const { weights } = computeWeights({ ...second, now: { block: 720, timeMs: 0 } });
    expect(weights.map(({ hotkey, weight }) => [hotkey, weight])).toEqual([
      ['ann', 0.3],
      ['cid', 0.2],
      ['dan', 0.5],
    ]);
    const later = computeWeights({ ...second, now: { block: 7_560, timeMs: 0 } });
    expect(later.weights.map(({ hotkey }) => hotkey)).toEqual(['dan']);
  });

  it('gives examples of competition files that are right', async () => {
    const docs = await readFile(new URL('../../docs/policies.md', import.meta.url), 'utf8');
    const files = [...docs.matchAll(/```json\n(.+?)```/gs)].map((match) => match[1]!);
    expect(files.length).toBeGreaterThan(1);
    for (const [i, text] of files.entries()) {
      const rules = await readRules({ competition_file: await fileWith(text, `${i}.json`) });
      expect(rules.policy).toBeUndefined();
      expect(rules.competition).not.toEqual(Competition.parse({}));
    }
  });
});

describe('--policy', () => {
  it('takes a function of the parameters that the competition names', async () => {
    Object.assign(globalThis, { winRates: winRatesPolicy() });
    const competition_file = await fileWith('{"policy": {"name": "mine", "parameters": {"x": 7}}}', 'with.json');
    const text = "export default (parameters) => ({ ...globalThis.winRates, name: 'mine', parameters });";
    const { policy } = await readRules({ competition_file, policy: await fileWith(text, 'made.mjs') });
    expect((policy as Policy).parameters).toEqual({ x: 7 });
  });

  it.each([
    ['a file that is not there', null, /^the policy \S+none\.mjs cannot be loaded: .+ Check --policy\./s],
    ['a file that throws', "throw new Error('not today');", /cannot be loaded: not today\. Check --policy/],
    ['no program', '{', /cannot be loaded/],
    ['a file without a policy', 'export const x = 1;', /the policy that was given has no function draw/],
    [
      'an intake that is none',
      "export default { ...globalThis.winRates, name: 'mine', intake: { minRows: 3 } };",
      /intake/,
    ],
  ])('refuses %s in one sentence', async (_, text, sentence) => {
    Object.assign(globalThis, { winRates: winRatesPolicy() });
    const name = `${Math.abs(String(text).length)}-${String(text).length % 7}.mjs`;
    const policy = text === null ? join(folder, 'none.mjs') : await fileWith(text, name);
    await expect(readRules({ policy })).rejects.toMatchObject({
      code: 'bad-argument',
      message: expect.stringMatching(sentence),
    });
  });

  it('is missing where the competition names one that nobody has', async () => {
    const competition_file = await fileWith('{"policy": {"name": "theirs"}}', 'theirs.json');
    await expect(readRules({ competition_file })).rejects.toThrow(/"theirs", which this package does not have/);
  });
});
