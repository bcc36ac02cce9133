import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Competition, DatasetChecker, loadEvaluationSet, Subtensor, WalletHotkey } from 'flock-off';
import { LocalChain, writeDevWallet } from 'flock-off/local';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MyChain, MyStore, mySigner, publish, validate } from './user-ports.ts';

const NETUID = 96;
const NAMES = ['validator', 'ann', 'ben'];
let folder: string;
let local: LocalChain;
let subtensor: Subtensor;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flock-off-ports-'));
  const neurons = [];
  for (const name of NAMES) {
    const wallet = await writeDevWallet({ path: folder, name });
    neurons.push({ ...wallet, validatorPermit: name === 'validator', stake: name === 'validator' ? 100 : 0 });
  }
  const subnet = { netuid: NETUID, tempo: 20, weightsRateLimit: 0, commitRevealEnabled: false, neurons };
  local = await LocalChain.open({ blockTimeMs: 50, subnets: [subnet] });
  subtensor = await Subtensor.open({ endpoint: local.url });
});
afterAll(async () => {
  await subtensor.close();
  await local.close();
  await rm(folder, { recursive: true, force: true });
});

async function writeRows(name: string, answers: string[]): Promise<string> {
  const path = join(folder, `${name}.jsonl`);
  const rows = answers.map((content, i) => ({
    conversations: [
      { role: 'user', content: `What does ${name} say of ${i}?` },
      { role: 'assistant', content },
    ],
  }));
  await writeFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return path;
}

test('a miner publishes and a validator scores through a store, a signer, a trainer, a state and a chain of their own', async () => {
  const datasets = new MyStore(join(folder, 'store'));
  const signed: string[] = [];
  const portsOf = async (name: string) => {
    const hotkey = mySigner(await WalletHotkey.open({ path: folder, name }), signed);
    return { netuid: NETUID, chain: new MyChain(subtensor), hotkey, datasets };
  };
  for (const [name, answer] of [
    ['ann', 'yes'],
    ['ben', 'every answer has words of its own'],
  ] as const) {
    const path = await writeRows(name, [`${answer} 0`, `${answer} 1`, `${answer} 2`]);
    const published = await publish(await portsOf(name), { path, repo: `u/${name}` });
    expect(published).toMatchObject({ ok: true, value: { rows: 3 } });
  }

  const ports = await portsOf('validator');
  const checker = new DatasetChecker();
  const report = await validate(ports, {
    competition: Competition.parse({ blocksPerEpoch: 1 }),
    evaluation: await loadEvaluationSet({ path: await writeRows('evaluation', ['a', 'b']) }),
    cacheDir: join(folder, 'cache'),
    checker,
  });
  checker.close();

  expect(report.entries.map(({ outcome }) => outcome.kind)).toEqual(['scored', 'scored']);
  expect(report.entries[0]).toMatchObject({ uid: 2, score: 1 });
  expect(report.trainer.backend.name).toBe('cpu');
  expect(report.receipt?.mode).toBe('set');
  expect(ports.chain.asked).toEqual(
    expect.arrayContaining(['read', 'epoch', 'metagraph', 'subtensorModule.setWeights']),
  );
  expect(signed).toHaveLength(3);
  expect(local.weights({ netuid: NETUID, uid: 0 }).map(({ uid }) => uid)).toContain(2);
}, 90_000);
