import { parseQueueAddress, WorkerKey } from 'flock-off/fleet';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { Board } from '../../src/fleet/board.ts';
import { classOf } from '../../src/fleet/machine-class.ts';
import { boardName, ROLL_CALL, workerNote } from '../../src/fleet/names.ts';
import { Presence } from '../../src/fleet/presence.ts';
import { QueueServer } from '../../src/fleet/queue-server.ts';
import { Roster } from '../../src/fleet/roster.ts';
import { type About, type Hello, RollCall, SignedHello } from '../../src/fleet/wire.ts';
import { type RedisServer, sayIfSkipped, startRedis } from './redis-server.ts';
import { stubTrainer } from './stub-trainer.ts';

const WITHIN = { timeout: 20_000, interval: 50 };
const TASK = 'a'.repeat(64);

describe.skipIf(sayIfSkipped('who is there'))('who is there', () => {
  let redis: RedisServer;
  let server: QueueServer;
  beforeAll(async () => {
    redis = await startRedis();
    server = await QueueServer.open({ address: parseQueueAddress({ url: redis.url }) });
  });
  afterAll(async () => {
    await server.close();
    await redis.close();
  });

  /** A worker of a queue of its own, and a validator that is told of it. */
  function open(queue: string, { aliveMs = 60_000 }: { aliveMs?: number } = {}) {
    const key = WorkerKey.generate();
    const worker = key.publicKey;
    const board = new Board(server, boardName(queue));
    const { backend, precision, weightStorage, baseSha256 } = stubTrainer();
    const facts = { backend, precision, weightStorage, baseSha256 };
    const of = { worker, queue, name: 'one', machine: classOf(facts), base: { model: 'm' }, facts };
    const hello = { ...of, refused: null, unfit: null, lost: [] };
    const presence = new Presence({ board, key, about: { hotkey: 'of the validator' } as About, hello });
    const openRoster = () => new Roster({ board, queue, workers: [worker], aliveMs });
    const note = async () => SignedHello.parse(await board.get(workerNote(worker)));
    const put = (one: object) => board.put(workerNote(worker), one);
    const isThere = async (roster: Roster) => {
      await roster.look(null);
      return roster.present().length > 0;
    };
    /** Answers the roll call of now. */
    const answer = async (roster: Roster, changed: Partial<Hello> = {}) => {
      await roster.look(null);
      await presence.say(changed);
      return isThere(roster);
    };
    return { board, presence, openRoster, note, put, isThere, answer };
  }

  test('is who signs the roll call of now, and nobody for whom another writes it', async () => {
    const { board, openRoster, note, put, isThere, answer } = open('forged');
    const roster = openRoster();
    expect(await answer(roster)).toBe(true);
    const { hello, signature } = await note();
    // As whoever can write to the queue would have it for a validator that begins anew.
    const anew = openRoster();
    expect(await isThere(anew)).toBe(false);
    const { rollCall } = RollCall.parse(await board.get(ROLL_CALL));
    await put({ hello: { ...hello, rollCall }, signature });
    expect(await isThere(anew)).toBe(false);
    const stranger = WorkerKey.generate();
    await put({ hello: { ...hello, rollCall }, signature: stranger.sign(Buffer.from('so')) });
    expect(await isThere(anew)).toBe(false);
    expect(await answer(anew)).toBe(true);
  });

  test('is not who was there: what a worker signed before is put there again in vain', async () => {
    const { presence, openRoster, note, put, isThere, answer } = open('replayed', { aliveMs: 2_000 });
    const roster = openRoster();
    const before: object[] = [];
    for (let times = 0; times < 5; times++) {
      await answer(roster);
      before.push(await note());
    }
    await presence.leave();
    await vi.waitFor(async () => {
      for (const one of before) {
        await put(one);
        expect(await isThere(roster)).toBe(false);
      }
    }, WITHIN);
    const anew = openRoster();
    for (const one of before) {
      await put(one);
      expect(await isThere(anew)).toBe(false);
    }
  });

  test('what a worker says of itself counts as it said it last', async () => {
    const { openRoster, note, put, answer } = open('earlier');
    const roster = openRoster();
    await answer(roster, { lost: [TASK] });
    const before = await note();
    await answer(roster, { lost: [] });
    expect(roster.lostWith(TASK)).toEqual([]);
    await put(before);
    await roster.look(null);
    expect(roster.lostWith(TASK)).toEqual([]);
  });

  test('a note of another queue is of nobody here', async () => {
    const [here, there] = [open('here'), open('there')];
    const roster = here.openRoster();
    await here.answer(roster);
    await there.answer(there.openRoster());
    await here.put(await there.note());
    const anew = here.openRoster();
    expect(await here.isThere(anew)).toBe(false);
  });

  test('an outage that is longer than a worker may be silent lets nobody seem gone', async () => {
    const aliveMs = 2_000;
    const { openRoster, isThere, answer } = open('outage', { aliveMs });
    const roster = openRoster();
    expect(await answer(roster)).toBe(true);
    await redis.kill();
    const looking = isThere(roster);
    await new Promise((resolve) => setTimeout(resolve, 1.5 * aliveMs));
    await redis.restart();
    expect(await looking).toBe(true);
    // Who does not answer then is.
    await vi.waitFor(async () => expect(await isThere(roster)).toBe(false), WITHIN);
  }, 40_000);
});
