import type { DatasetRow } from 'flock-off';
import type { Arena } from '../arena.ts';
import { toLines } from '../arena.ts';
import type { Case, Played } from '../judge.ts';
import { World } from '../world.ts';

const MOST_SECONDS = 30;

/** A file that is work: whoever else plays must not notice, and it must be read only once. */
async function heavy(arena: Arena, file: (world: World) => { text: string; own: DatasetRow[] }): Promise<Played> {
  const world = new World(71);
  const [victim, rival] = [world.rows(64), world.rows(64)];
  await arena.publish('victim', victim);
  await arena.publish('rival', rival);
  const { text, own } = file(world);
  await arena.publish('mallory', text);
  const startMs = Date.now();
  const report = await arena.epoch();
  const seconds = (Date.now() - startMs) / 1000;
  const problems = seconds > MOST_SECONDS ? [`the epoch took ${seconds} s`] : [];
  const asked = arena.hub.faults.requests.length;
  const again = await arena.epoch();
  // Before a download the file is listed; whether anybody can read it is asked of every file, without receiving it.
  const isRefused = report.entries.some(
    ({ uid, outcome }) => uid === arena.uidOf('mallory') && outcome.kind === 'rejected',
  );
  const downloads = arena.hub.faults.requests.slice(asked).filter((one) => /mallory\/paths-info/.test(one));
  if (isRefused && downloads.length > 0) problems.push(`read again in the next epoch: ${downloads.join(', ')}`);
  const twice = (entries: typeof report.entries) => entries.map(({ uid, outcome }) => [uid, outcome.kind]).sort();
  if (JSON.stringify(twice(report.entries)) !== JSON.stringify(twice(again.entries)))
    problems.push('another outcome in the next epoch');
  return { report, own: { victim, rival, mallory: own }, about: ['mallory'], problems };
}

const line = (content: string): DatasetRow => ({
  conversations: [
    { role: 'user', content: 'What is this?' },
    { role: 'assistant', content },
  ],
});

export const boundedCases: Case[] = [
  {
    name: 'a row of a million alternating combining marks',
    kind: 'attack',
    play: (arena) =>
      heavy(arena, (world) => {
        const own = [line('a\u0301\u0316'.padEnd(250_000, '\u0301\u0316')), ...world.rows(40)];
        return { text: toLines(own), own };
      }),
  },
  {
    name: '16 MiB of {"conversations":[0,0,...]}',
    kind: 'attack',
    play: (arena) =>
      heavy(arena, () => ({
        text: Array(16)
          .fill(`{"conversations":[${'0,'.repeat(500_000)}0]}`)
          .join('\n'),
        own: [],
      })),
  },
  {
    name: 'ten lines of [{},{},...]',
    kind: 'attack',
    play: (arena) =>
      heavy(arena, () => ({
        text: Array(10)
          .fill(`{"conversations":[${'{},'.repeat(300_000)}{}]}`)
          .join('\n'),
        own: [],
      })),
  },
  {
    name: 'one row of a hundred thousand turns',
    kind: 'attack',
    play: (arena) =>
      heavy(arena, () => ({
        text: toLines(Array(3).fill({ conversations: Array(18_000).fill(line('Yes').conversations).flat() })),
        own: [],
      })),
  },
  {
    name: 'more tokens than the budget',
    kind: 'attack',
    competition: { maxTokens: 20_000 },
    play: (arena) => heavy(arena, (world) => ({ text: toLines(world.rows(400)), own: [] })),
  },
  {
    name: 'arrays in arrays, 200,000 deep',
    kind: 'attack',
    play: (arena) =>
      heavy(arena, () => ({ text: `${'['.repeat(200_000)}${']'.repeat(200_000)}\n`.repeat(3), own: [] })),
  },
];
