import type { Case } from '../judge.ts';
import { DISGUISES } from '../kinds.ts';
import { World } from '../world.ts';

export const orderCases: Case[] = [
  {
    name: 'a tripwire: 33 of the 96 rows of a rival, a block earlier',
    kind: 'attack',
    async play(arena) {
      const world = new World(31);
      const [victim, rival] = [world.rows(96), world.rows(64)];
      const taken = victim.slice(20, 53);
      await arena.publish('mallory', taken);
      await arena.publish('victim', victim);
      await arena.publish('rival', rival);
      const left = victim.filter((row) => !taken.includes(row));
      return {
        report: await arena.epoch(),
        own: { victim: left, rival, mallory: taken },
        about: ['victim', 'mallory'],
      };
    },
  },
  {
    name: 'a tripwire of near copies beside own rows',
    kind: 'attack',
    async play(arena) {
      const world = new World(32);
      const [victim, rival, mine] = [world.rows(96), world.rows(64), world.rows(40)];
      const taken = victim.slice(0, 33);
      const file = [...mine, ...DISGUISES['a row number appended']!(taken, world)];
      await arena.publish('mallory', file);
      await arena.publish('victim', victim);
      await arena.publish('rival', rival);
      return {
        report: await arena.epoch(),
        own: { victim: victim.slice(33), rival, mallory: file },
        about: ['victim', 'mallory'],
      };
    },
  },
  {
    name: "a rival's own pointer first, his repository names him",
    kind: 'attack',
    async play(arena) {
      const world = new World(33);
      const [victim, rival] = [world.rows(64), world.rows(64)];
      const version = await arena.upload('victim', victim, 'victim');
      await arena.point('mallory', version);
      await arena.point('victim', version);
      await arena.publish('rival', rival);
      return { report: await arena.epoch(), own: { victim, rival, mallory: [] }, about: ['mallory', 'victim'] };
    },
  },
  {
    name: "a rival's own pointer first, and nobody is named: the earlier counts",
    kind: 'attack',
    async play(arena) {
      const world = new World(34);
      const [victim, rival] = [world.rows(64), world.rows(64)];
      const version = await arena.upload('victim', victim);
      await arena.point('mallory', version);
      await arena.point('victim', version);
      await arena.publish('rival', rival);
      return { report: await arena.epoch(), own: { victim: [], rival, mallory: victim }, about: ['mallory', 'victim'] };
    },
  },
  {
    name: 'the same rows in one block, the copier later in it and with the lower uid',
    kind: 'attack',
    async play(arena) {
      const world = new World(35);
      const [victim, rival] = [world.rows(64), world.rows(64)];
      await arena.publish('rival', rival);
      const [first, copy] = [
        await arena.upload('victim', victim),
        await arena.upload('mallory', world.shuffle(victim)),
      ];
      await arena.pointInOneBlock([
        ['victim', first],
        ['mallory', copy],
      ]);
      return { report: await arena.epoch(), own: { victim, rival, mallory: [] }, about: ['mallory'] };
    },
  },
  {
    name: 'two datasets that copy each other in one block',
    kind: 'attack',
    async play(arena) {
      const world = new World(36);
      const [one, two, rival] = [world.rows(40), world.rows(40), world.rows(64)];
      await arena.publish('rival', rival);
      const number = DISGUISES['a row number appended']!;
      const first = await arena.upload('oscar', [...one, ...number(two, world)]);
      const second = await arena.upload('mallory', [...number(one, world), ...two]);
      await arena.pointInOneBlock([
        ['oscar', first],
        ['mallory', second],
      ]);
      const own = { rival, oscar: [...one, ...number(two, world)], mallory: [] };
      return { report: await arena.epoch(), own, about: ['oscar', 'mallory'] };
    },
  },
  {
    name: 'a pointer committed early, its data shown after the rival showed his',
    kind: 'attack',
    competition: { readableWithinBlocks: 5 },
    async play(arena) {
      const world = new World(37);
      const [victim, rival] = [world.rows(64), world.rows(64)];
      const version = await arena.upload('mallory', DISGUISES['a row number appended']!(victim, world));
      arena.hub.repository(version.repo)!.visibility = 'private';
      await arena.point('mallory', version);
      await arena.chain.produceBlocks(20);
      await arena.publish('victim', victim);
      await arena.publish('rival', rival);
      await arena.epoch();
      arena.hub.repository(version.repo)!.visibility = 'public';
      const previous = await arena.averages();
      return { report: await arena.epoch(), previous, own: { victim, rival, mallory: [] }, about: ['mallory'] };
    },
  },
  {
    name: 'a copy made before the original was replaced',
    kind: 'attack',
    async play(arena) {
      const world = new World(38);
      const [victim, rival, next] = [world.rows(64), world.rows(64), world.rows(64)];
      await arena.publish('victim', victim);
      await arena.publish('rival', rival);
      await arena.publish('mallory', DISGUISES['a row number appended']!(victim, world));
      await arena.epoch();
      await arena.publish('victim', next);
      const previous = await arena.averages();
      return { report: await arena.epoch(), previous, own: { victim: next, rival, mallory: [] }, about: ['mallory'] };
    },
  },
  {
    name: 'a copy of a dataset whose miner has shown two others of full size since',
    kind: 'attack',
    competition: { maxRows: 64 },
    async play(arena) {
      const world = new World(83);
      const [victim, rival, next, last] = [world.rows(64), world.rows(64), world.rows(64), world.rows(64)];
      await arena.publish('rival', rival);
      for (const rows of [victim, next, last]) {
        await arena.publish('victim', rows);
        await arena.epoch();
      }
      await arena.publish('mallory', DISGUISES['a row number appended']!(victim, world));
      const previous = await arena.averages();
      return { report: await arena.epoch(), previous, own: { victim: last, rival, mallory: [] }, about: ['mallory'] };
    },
  },
  {
    name: 'a copy made before the claim on the original ended stays a copy',
    kind: 'attack',
    competition: { claimBlocks: 50 },
    async play(arena) {
      const world = new World(39);
      const [victim, rival, next] = [world.rows(64), world.rows(64), world.rows(64)];
      await arena.publish('victim', victim);
      await arena.publish('rival', rival);
      await arena.publish('mallory', DISGUISES['one synonym a row']!(victim, world));
      await arena.epoch();
      await arena.publish('victim', next);
      await arena.epoch();
      await arena.chain.produceBlocks(120);
      const previous = await arena.averages();
      return { report: await arena.epoch(), previous, own: { victim: next, rival, mallory: [] }, about: ['mallory'] };
    },
  },
  {
    name: 'the copier points at the same rows again after a while',
    kind: 'attack',
    async play(arena) {
      const world = new World(40);
      const [victim, rival] = [world.rows(64), world.rows(64)];
      await arena.publish('victim', victim);
      await arena.publish('rival', rival);
      await arena.publish('mallory', DISGUISES['one synonym a row']!(victim, world));
      await arena.epoch();
      await arena.publish('mallory', DISGUISES['a row number appended']!(world.shuffle(victim), world));
      const previous = await arena.averages();
      return { report: await arena.epoch(), previous, own: { victim, rival, mallory: [] }, about: ['mallory'] };
    },
  },
  {
    name: 'a copy of the rows of a miner who lost his registration and came back with another hotkey',
    kind: 'attack',
    async play(arena) {
      const world = new World(42);
      const [victim, rival] = [world.rows(64), world.rows(64)];
      await arena.publish('victim', victim);
      await arena.publish('rival', rival);
      await arena.epoch();
      await arena.loseRegistration('victim');
      await arena.publish('mallory', DISGUISES['one synonym a row']!(victim, world));
      await arena.publish('victim', victim);
      const previous = await arena.averages();
      const report = await arena.epoch();
      return { report, previous, own: { victim, rival, mallory: [] }, about: ['mallory', 'victim'] };
    },
  },
  {
    name: 'a copy of a dataset whose miner is not drawn',
    kind: 'attack',
    async play(arena) {
      const world = new World(41);
      const [victim, rival] = [world.rows(64), world.rows(64)];
      await arena.publish('victim', victim);
      await arena.publish('rival', rival);
      await arena.publish('mallory', DISGUISES['a homoglyph a row']!(victim, world));
      await arena.draw([arena.addressOf('victim')]);
      return { report: await arena.epoch(), own: { rival, mallory: [] }, about: ['mallory'] };
    },
  },
];
