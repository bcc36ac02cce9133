import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { RunningSubnet } from '../../examples/local-subnet.ts';
import { announce, findServedSubnet, refuseSecond } from '../../examples/served-subnet.ts';
import { makeTemporaryFolder } from '../../examples/temporary-folder.ts';

const hub = createServer((_request, response) => response.end());
let temporary: string;
let subnet: RunningSubnet;
beforeEach(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'flock-off-test-'));
  vi.stubEnv('TMPDIR', temporary);
  await new Promise<void>((resolve) => hub.listen(0, '127.0.0.1', resolve));
  const { path, remove } = await makeTemporaryFolder();
  const hubUrl = `http://127.0.0.1:${(hub.address() as AddressInfo).port}`;
  subnet = { chainUrl: 'ws://127.0.0.1:1', hubUrl, hubToken: 'hf_x', netuid: 96, folder: path, close: remove };
});
afterEach(async () => {
  vi.unstubAllEnvs();
  if (hub.listening) await new Promise((resolve) => hub.close(resolve));
  await rm(temporary, { recursive: true, force: true });
});

test('a subnet is found once it is open, and no more when it has ended', async () => {
  expect(await findServedSubnet()).toBe(null);
  await announce(subnet, false);
  expect(() => refuseSecond(subnet)).not.toThrow();
  await expect(findServedSubnet()).rejects.toThrow(/ws:\/\/127\.0\.0\.1:1 is not ready yet\. Try again/);
  await announce(subnet, true);
  expect(await findServedSubnet()).toMatchObject({ folder: subnet.folder, hubUrl: subnet.hubUrl });
  expect((await stat(join(subnet.folder, 'served.json'))).mode & 0o777).toBe(0o600);
  await subnet.close();
  expect(await findServedSubnet()).toBe(null);
});

test('of two that start at the same moment not both stay, and the open one is found meanwhile', async () => {
  const { path, remove } = await makeTemporaryFolder();
  const other = { ...subnet, chainUrl: 'ws://127.0.0.1:2', folder: path, close: remove };
  await Promise.all([announce(subnet, false), announce(other, false)]);
  expect(() => refuseSecond(subnet)).toThrow(
    /^a local subnet is served already, with its chain at ws:\/\/127.0.0.1:2 /,
  );
  expect(() => refuseSecond(other)).toThrow(/^a local subnet is served already, with its chain at ws:\/\/127.0.0.1:1 /);
  for (const [open, starting] of [
    [subnet, other],
    [other, subnet],
  ] as const) {
    await announce(open, true);
    await announce(starting, false);
    expect(await findServedSubnet()).toMatchObject({ chainUrl: open.chainUrl });
  }
  await other.close();
  await subnet.close();
});

test('one that does not answer is named, not passed by', async () => {
  await announce(subnet, true);
  await new Promise((resolve) => hub.close(resolve));
  await expect(findServedSubnet()).rejects.toThrow(/ws:\/\/127\.0\.0\.1:1 does not answer\. End it/);
  await subnet.close();
});

test('the end of one takes nothing from another', async () => {
  const { path, remove } = await makeTemporaryFolder();
  const other = { ...subnet, chainUrl: 'ws://127.0.0.1:2', folder: path, close: remove };
  await announce(other, true);
  await announce(subnet, true);
  await other.close();
  expect(await readdir(temporary)).toHaveLength(1);
  expect(await findServedSubnet()).toMatchObject({ chainUrl: 'ws://127.0.0.1:1' });
  await subnet.close();
});
