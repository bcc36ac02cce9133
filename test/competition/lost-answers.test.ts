import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Snapshot } from '../../src/chain/node/snapshot.ts';
import { readCommitment } from '../../src/chain/subnet/commitments.ts';
import { Subtensor } from '../../src/chain/subtensor.ts';
import { WalletHotkey } from '../../src/chain/wallet/hotkey.ts';
import { publishFoundedCompetition } from '../../src/competition/publish-competition.ts';
import { parseAnnouncement } from '../../src/evaluation-sets/announcement.ts';
import { appendSet } from '../../src/evaluation-sets/append-set.ts';
import { LIST_PATH, lineHash } from '../../src/evaluation-sets/list.ts';
import { lockedPath, lockSet, readLockedFile } from '../../src/evaluation-sets/locked-file.ts';
import { firstSetFor, roundOfSet } from '../../src/evaluation-sets/schedule.ts';
import { HubCompetitionStore } from '../../src/hub/competition-store.ts';
import { HubEvaluationSetStore } from '../../src/hub/evaluation-set-store.ts';
import { writeDevWallet } from '../../src/local/dev-wallet.ts';
import type { EvaluationSetsRule } from '../../src/schema/evaluation-sets.ts';
import { fileOf, rowsOf, ruleOf } from '../evaluation-sets/locked-world.ts';
import { NETUID, openWorld, type World } from './world.ts';

// What a founder sends arrives and takes effect, and the answer is lost: of each request in turn, of the hub's and the chain's.

type File = Uint8Array<ArrayBuffer>;
type Lost = { where: 'hub' | 'chain'; status?: number; attempts: number };
let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

const CASES: [string, Lost][] = [
  ['the hub closes the socket', { where: 'hub', attempts: 1 }],
  ['a proxy before the hub says 502, and is asked again', { where: 'hub', status: 502, attempts: 3 }],
  ['the chain closes the socket', { where: 'chain', attempts: 1 }],
];
const NO_WAITING = { nowMs: Date.now, sleep: async () => {} };

/** Loses the answer to a request, counted from now on; tells whether the run came so far. */
function loseAnswer(at: number, { where, status }: Lost): () => boolean {
  if (where === 'hub') {
    const { faults } = world.hub;
    const before = faults.requests.length;
    faults.inject({ on: '', fault: { kind: 'lose-answer', status }, after: at - 1 });
    return () => {
      faults.clear();
      return faults.requests.length - before >= at;
    };
  }
  const { faults } = world.chain;
  let count = 0;
  const listener = () => {
    if (++count === at) faults.inject({ on: '', fault: { kind: 'lose-answer' } });
  };
  faults.onRequest.add(listener);
  return () => {
    faults.onRequest.delete(listener);
    faults.clear();
    return count >= at;
  };
}

/** Runs it with each answer lost in turn, then again, until a run has no such request; the number of those that were lost. */
async function eachLost(lost: Lost, run: (at: number) => Promise<unknown>): Promise<number> {
  for (let at = 1; ; at++) {
    const wasLost = loseAnswer(at, lost);
    const failed = await run(at).then(
      () => null,
      (error: unknown) => error,
    );
    const isReached = wasLost();
    // Where it is asked again no run fails, and else it is told that this may pass.
    if (lost.attempts > 1) expect(failed, `request ${at}`).toBeNull();
    else if (failed !== null) expect(failed, `request ${at}`).toMatchObject({ transient: true });
    await run(at);
    if (!isReached) return at - 1;
  }
}

const connect = () => Subtensor.open({ endpoint: world.chain.url, maxClockDifferenceMs: Number.POSITIVE_INFINITY });
const commitsOf = (repo: string) => {
  const repository = world.hub.repository(repo)!;
  return repository.history(repository.head).length - 1;
};
const access = ({ attempts }: Lost) => ({ endpoint: world.hub.url, token: 'hf_founder', attempts, clock: NO_WAITING });

test.each(CASES)(
  'a competition is published once though %s',
  async (name, lost) => {
    const drafted = await world.draft();
    const owner = await world.signer('owner');
    const competitions = new HubCompetitionStore(access(lost));
    const ids = new Map<number, string>();
    const requests = await eachLost(lost, async (at) => {
      const repo = `org/chats-${CASES.findIndex(([one]) => one === name)}-${at}`;
      const subtensor = await connect();
      try {
        const founded = await publishFoundedCompetition({ drafted, repo, subtensor, competitions, owner });
        const before = ids.get(at) ?? founded.document.id;
        ids.set(at, founded.document.id);
        expect([founded.document.id, commitsOf(repo)], `request ${at}`).toEqual([before, 1]);
      } finally {
        await subtensor.close();
      }
    });
    expect(requests).toBeGreaterThan(8);
  },
  120_000,
);

test.each(CASES)(
  'a set is listed once, and can be opened, though %s',
  async (name, lost) => {
    const path = join(world.folder, 'wallets');
    const own = CASES.findIndex(([one]) => one === name);
    const { publicKey, ...beacon } = world.chain.beacon;
    const requests = await eachLost(lost, async (at) => {
      // Another list each time: also the first commit of a repository, and the first text of a hotkey.
      const wallet = `lister-${own}-${at}`;
      const repo = `org/sets-${own}-${at}`;
      if (!files.has(wallet)) {
        const { hotkey } = await writeDevWallet({ path, name: wallet });
        world.chain.register({ netuid: NETUID, hotkey, coldkey: hotkey });
        await world.chain.produceBlocks(1);
      }
      const hotkey = await WalletHotkey.open({ path, name: wallet });
      const rule = ruleOf({
        ...{ repo, signer: hotkey.address, firstRound: 100, roundsBetween: 1_000, marginSeconds: 2 },
        beacon: {
          genesisSeconds: beacon.genesisSeconds,
          periodSeconds: beacon.periodSeconds,
          publicKey: Buffer.from(publicKey).toString('hex'),
        },
      });
      const file = files.get(wallet) ?? (await lock(rule));
      files.set(wallet, file);
      const subtensor = await connect();
      try {
        const store = new HubEvaluationSetStore(access(lost));
        const { announcement } = await appendSet({ rule, netuid: NETUID, subtensor, store, hotkey, files: [file] });
        expect(commitsOf(repo), `request ${at}`).toBe(1);
        const read = (path: string) => store.read({ repo, commit: announcement.commit, path, maxBytes: 1e6 });
        const { sha256 } = readLockedFile(file)!.part;
        expect(Buffer.compare((await read(lockedPath(sha256))) as Buffer, file)).toBe(0);
        expect(lineHash(String(await read(LIST_PATH)).trimEnd())).toBe(announcement.head);
        const use = (snapshot: Snapshot) => readCommitment(snapshot, NETUID, hotkey.address);
        const commitment = await subtensor.read({ what: 'reading the commitment', use });
        expect(parseAnnouncement(commitment?.text ?? null)).toEqual(announcement);
        expect(nonceOf(hotkey.address), `request ${at}`).toBe(1);
      } finally {
        await subtensor.close();
      }
    });
    expect(requests).toBeGreaterThan(8);
  },
  120_000,
);

/** Locked files, by who lists them. */
const files = new Map<string, File>();
const nonceOf = (address: string) => (world.chain.storage('System.Account', address) as { nonce: number }).nonce;

async function lock(rule: EvaluationSetsRule): Promise<File> {
  const index = firstSetFor(rule, Number(world.chain.storage('Timestamp.Now'))) + 1;
  const round = roundOfSet(rule, index);
  return (await lockSet({ data: fileOf(rowsOf('tides')), rows: 8, round, beacon: world.chain.beacon })).file as File;
}
