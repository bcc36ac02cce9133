import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Subtensor } from 'flock-off';
import { LocalChain } from 'flock-off/local';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { knownSubnet } from '../../examples/known-subnet.ts';

const NETUID = 9;
const OWNER = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY';
const OTHER = '5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty';

let folder: string;
let chain: LocalChain;
let subtensor: Subtensor;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flock-off-known-'));
  const subnet = { netuid: NETUID, neurons: [], name: 'Chats', owner: OWNER, registrationBlock: 12 };
  chain = await LocalChain.open({ blockTimeMs: 'instant', subnets: [subnet] });
  subtensor = await Subtensor.open({ endpoint: chain.url });
});
afterEach(async () => {
  await subtensor.close();
  await chain.close();
  await rm(folder, { recursive: true, force: true });
});

async function look() {
  const said: string[] = [];
  const expected = await knownSubnet({ subtensor, netuid: NETUID, folder, say: (line) => said.push(line) });
  return { said, expected };
}

async function change(item: string, value: unknown) {
  chain.setStorage(item, NETUID, value);
  await subtensor.waitForBlock({ block: chain.currentBlock() + 1 });
}

test('a bot shows whose subnet it is, and stops once the number is given to another', async () => {
  const { said, expected } = await look();
  expect(said).toEqual([`this is subnet 9 ("Chats", owner ${OWNER}, registered in block 12)`]);
  expect(expected).toEqual({ genesisHash: expect.any(String), registrationBlock: 12 });
  expect((await look()).expected).toEqual(expected);

  await change('SubtensorModule.NetworkRegisteredAt', 5_000_000);
  await expect(look()).rejects.toMatchObject({ code: 'wrong-subnet' });
  // It stays so until somebody has looked.
  await expect(look()).rejects.toMatchObject({ code: 'wrong-subnet' });
  await rm(join(folder, 'subnet.json'));
  expect((await look()).expected.registrationBlock).toBe(5_000_000);
});

test("bots that start at the same moment in one folder do not stand in each other's way", async () => {
  const all = await Promise.all(Array.from({ length: 8 }, look));
  expect(all.map(({ expected }) => expected.registrationBlock)).toEqual(Array(8).fill(12));
  expect(await readdir(folder)).toEqual(['subnet.json']);
});

test('another owner is told once and stops nothing', async () => {
  await look();
  await change('SubtensorModule.SubnetOwner', OTHER);
  expect((await look()).said).toEqual([
    `this is subnet 9 ("Chats", owner ${OTHER}, registered in block 12)`,
    `its owner was ${OWNER} when it was served last`,
  ]);
  expect((await look()).said).toHaveLength(1);
});

test('a damaged memory is no reason to trust a number', async () => {
  await look();
  const file = join(folder, 'subnet.json');
  await writeFile(file, (await readFile(file, 'utf8')).slice(0, -9));
  await expect(look()).rejects.toMatchObject({ code: 'disk', facts: { path: file } });
});
