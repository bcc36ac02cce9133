import { Competition, type DatasetRow, type Policy, winRatesPolicy } from 'flock-off';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { closeMachine, type Machine, Miners, openMachine } from './miners.ts';

// Policies in a validator: real chain, hub and trainer.

let machine: Machine;
let miners: Miners;
beforeAll(async () => {
  machine = await openMachine();
});
afterAll(() => closeMachine(machine));
afterEach(() => miners.close());

const RECIPE = {
  ...{ contextTokens: 48, epochs: 1, batchSize: 2, gradientAccumulation: 1, learningRate: 5e-3, warmupSteps: 1 },
};
const rowsOn = (topic: string, count = 6): DatasetRow[] =>
  Array.from({ length: count }, (_, i) => ({
    conversations: [
      { role: 'user', content: `Tell me of ${topic} ${i}.` },
      { role: 'assistant', content: `The ${topic} number ${i} is here, and it stays.` },
    ],
  }));
const mine = (changes: Partial<Policy>): Policy => ({ ...winRatesPolicy(), name: 'mine', ...changes });

test('daily-winner: the owner has the weight until the rewards begin, then the earliest of the best; copies and other rows take no part', async () => {
  // A short day: the local beacon makes a round for every 250 ms.
  const times = { submissionsFrom: '12:00', submissionsUntil: '12:01', rewardsFrom: '12:02' };
  let time = Date.UTC(2026, 2, 3, 12, 0, 10);
  const evaluation = [...rowsOn('cat'), ...rowsOn('owl'), ...rowsOn('fir')];
  const policy = { name: 'daily-winner', parameters: { ...times, mostCommonRows: 3, blockSeconds: 0.001 } };
  miners = await Miners.open({
    ...{ machine, evaluation, names: ['ann', 'ben', 'cid', 'dan', 'owner'], owner: 'owner', timeMs: () => time++ },
    competition: Competition.parse({ baseline: 'off', recipe: RECIPE, policy }),
  });
  const [cats, owls] = [evaluation.slice(0, 6), evaluation.slice(6, 12)];
  // As the set has them, but for space, key order and row order.
  const respaced = cats.map(({ conversations: [asked, answered] }) => ({
    conversations: [
      { content: ` ${asked!.content}`, role: 'user' as const },
      { content: `${answered!.content} `, role: 'assistant' as const },
    ],
  }));
  await miners.publish('ann', cats);
  await miners.publish('ben', [...respaced.slice(0, 4).toReversed(), ...owls.slice(0, 2)]);
  await miners.publish('cid', [...owls.slice(0, 5), { ...owls[5]!, system: 'Answer with owls.' }]);

  const submissions = await miners.epoch();
  expect(submissions.report).toMatchObject({
    policy: { name: 'daily-winner', parameters: { mostCommonRows: 3, submissionsUntil: '12:01' } },
    receipt: { mode: 'set' },
  });
  expect(submissions.of('ann')).toBeUndefined();
  expect(weights()).toEqual({ 4: 1 });

  time = Date.UTC(2026, 2, 3, 12, 1, 10);
  await miners.publish('dan', owls);
  const evaluated = await miners.epoch();
  expect(evaluated.of('ann')).toMatchObject({ outcome: { kind: 'scored' }, score: 1, weight: 0, why: 'leads the day' });
  expect(evaluated.of('ben').outcome).toMatchObject({ kind: 'rejected', verdict: { reason: 'duplicate' } });
  expect(evaluated.of('ben').why).toBe('4 rows are also those of uid 0, who was earlier; at most 3 may be');
  expect(evaluated.of('cid').outcome).toMatchObject({ kind: 'rejected', verdict: { reason: 'invalid-rows' } });
  expect(evaluated.of('cid').why).toContain('line 6: no row of the evaluation set');
  expect(evaluated.of('dan')).toBeUndefined(); // too late for the day
  expect(weights()).toEqual({ 4: 1 });

  time = Date.UTC(2026, 2, 3, 12, 2, 10);
  await miners.chain.produceBlocks(1);
  await miners.epoch();
  expect(weights()).toEqual({ 0: 1 });
}, 240_000);

test('daily-winner: who hides the dataset that won, also behind a later pointer, is paid no longer; an outage costs nothing', async () => {
  const times = { submissionsFrom: '12:00', submissionsUntil: '12:01', rewardsFrom: '12:02' };
  let time = Date.UTC(2026, 2, 3, 12, 0, 10);
  const evaluation = [...rowsOn('cat'), ...rowsOn('owl'), ...rowsOn('fir')];
  const policy = { name: 'daily-winner', parameters: { ...times, mostCommonRows: 3, blockSeconds: 0.001 } };
  miners = await Miners.open({
    ...{ machine, evaluation, names: ['ann', 'ben', 'owner'], owner: 'owner', timeMs: () => time++ },
    competition: Competition.parse({ baseline: 'off', recipe: RECIPE, readableWithinBlocks: 40, policy }),
  });
  await miners.publish('ann', evaluation.slice(0, 6), { repo: 'u/won' });
  await miners.publish('ben', evaluation.slice(6, 12));
  for (const second of [20, 70, 130]) {
    time = Date.UTC(2026, 2, 3, 12, 0, second);
    await miners.chain.produceBlocks(1);
    await miners.epoch();
  }
  const [winner, other] = miners.weights()[0] === 1 ? [0, 1] : [1, 0];
  expect(miners.weights()).toEqual({ [winner]: 1 });

  // The next day, with something else in his pointer.
  time = Date.UTC(2026, 2, 4, 12, 1, 10);
  const [name, repo] = winner === 0 ? ['ann', 'u/won'] : ['ben', 'u/ben'];
  await miners.publish(name!, evaluation.slice(12), { repo: 'u/next' });
  miners.hub.faults.inject({ on: `${repo}/`, fault: { kind: 'status', status: 503 }, times: 1_000 });
  for (let i = 0; i < 2; i++) {
    await miners.pass(50);
    await miners.epoch();
  }
  expect(miners.weights()).toEqual({ [winner]: 1 });
  miners.hub.faults.clear();
  miners.hub.repository(repo!)!.visibility = 'private';
  await miners.epoch();
  expect(miners.weights()).toEqual({ [winner]: 1 });
  await miners.pass(50);
  await miners.epoch();
  expect(miners.weights()).toEqual({ [other]: 1 });
}, 240_000);

test('a policy of one’s own decides, remembers, and is in the report', async () => {
  miners = await withTwo();
  const policy = mine({
    parameters: { x: 1 },
    weigh: ({ contestants, neurons, memory, previous }) => ({
      weights: [{ uid: neurons.find(({ hotkey }) => hotkey === contestants.at(-1)!.hotkey)!.uid, weight: 3 }],
      averages: previous,
      memory: Number(memory) + 1,
    }),
    explain: ({ score }) => `has ${score}`,
  });
  const { report, of } = await miners.epoch({ policy });
  expect(report.policy).toEqual({ name: 'mine', parameters: { x: 1 } });
  expect(of('ann').why).toBe(`has ${of('ann').score}`);
  expect(weights()).toEqual({ 1: 1 });
  await miners.epoch({ policy });
  expect((await miners.state.history())!.memory).toEqual({ policy: 'mine', value: 2 });
  // Another policy does not get what this one remembers.
  await miners.epoch({ policy: mine({ name: 'other', weigh: (given) => ({ ...policy.weigh(given) }) }) });
  expect((await miners.state.history())!.memory).toEqual({ policy: 'other', value: 1 });
}, 240_000);

test('a policy that fails sends nothing and keeps the epoch; mended, it goes on without training again', async () => {
  miners = await withTwo();
  const trained = () => miners.events.filter((event) => event.kind === 'training' && event.progress.step === 1).length;
  const failing = mine({ weigh: () => ({ weights: [{ uid: 77, weight: Number.NaN }], averages: {} }) });
  await expect(miners.epoch({ policy: failing })).rejects.toMatchObject({
    code: 'policy-failed',
    facts: { policy: 'mine', decision: 'weigh' },
  });
  expect(weights()).toEqual({});
  expect(await miners.state.openEpoch()).toMatchObject({ hotkeys: expect.any(Array) });
  expect(await miners.state.standings()).toEqual({});
  expect(trained()).toBe(2);
  const { report } = await miners.epoch({ policy: mine({}) });
  expect(report.receipt).toMatchObject({ mode: 'set' });
  expect(trained()).toBe(2);
}, 240_000);

test('a sentence that a policy fails to say costs nobody anything: the weights are sent already', async () => {
  miners = await withTwo();
  const explain = () => {
    throw new Error('no words');
  };
  const { report, of } = await miners.epoch({ policy: mine({ explain }) });
  expect(report.receipt).toMatchObject({ mode: 'set' });
  expect(of('ann').why).toMatch(/^loss \d\.\d{4}; the policy "mine" throws: no words \(in explain\)/);
}, 240_000);

test('a repository that the operator leaves out has a verdict with his reason, and neither weight nor claims', async () => {
  const excluded = [{ repo: 'u/ann', reason: 'it holds private letters' }];
  miners = await withTwo({ policy: { name: 'win-rates', parameters: { excluded } } });
  const { of } = await miners.epoch();
  expect(of('ann')).toMatchObject({
    outcome: { kind: 'rejected', verdict: { reason: 'excluded' } },
    weight: 0,
    why: 'this validator leaves the repository out: it holds private letters',
  });
  expect(weights()).toEqual({ 1: 1 });
  expect(miners.requestsTo('u/ann')).toBe(0);
}, 240_000);

test('a competition whose policy nobody has is refused before anything is read', async () => {
  miners = await withTwo({ policy: { name: 'theirs' } });
  await expect(miners.epoch()).rejects.toMatchObject({ code: 'bad-argument' });
  expect(await miners.state.openEpoch()).toBeNull();
}, 240_000);

async function withTwo(rules: Record<string, unknown> = {}): Promise<Miners> {
  const competition = Competition.parse({ baseline: 'off', recipe: RECIPE, ...rules });
  const opened = await Miners.open({ machine, competition, names: ['ann', 'ben'], evaluation: rowsOn('sum', 3) });
  miners = opened;
  await opened.publish('ann', rowsOn('cat'));
  await opened.publish('ben', rowsOn('dog'));
  opened.hub.faults.requests.length = 0;
  return opened;
}

/** On the chain, by uid. */
function weights(): Record<number, number> {
  return miners.weights();
}
