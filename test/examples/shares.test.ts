import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requireShares, type Trainer, ValidatorState } from 'flock-off';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type OpenCompetition, openScorers, requireNoHistory } from '../../examples/open-competitions.ts';
import { beginsWith, collectNames, namedShares } from '../../examples/shares.ts';

describe('competitions that flags name', () => {
  test('come from several flags, or from one with commas', () => {
    const names = ['org/a@1=0.7', 'org/b@2=0.3'];
    expect(names.reduce<string[] | undefined>((before, name) => collectNames(name, before), undefined)).toEqual(names);
    expect(collectNames(' org/a@1=0.7 ,org/b@2=0.3')).toEqual(names);
    expect(namedShares(collectNames('org/a@1'))).toEqual([{ reference: 'org/a@1', shares: null }]);
  });

  test('have a share from a block on, and more than one from different blocks', () => {
    expect(namedShares(['a=.5', 'b=0', 'a=1.0@from=4000000'])).toEqual([
      {
        reference: 'a',
        shares: [
          { fromBlock: 0, share: 0.5 },
          { fromBlock: 4_000_000, share: 1 },
        ],
      },
      { reference: 'b', shares: [{ fromBlock: 0, share: 0 }] },
    ]);
  });

  test.each([
    [['a=NaN']],
    [['a=1.1']],
    [['a=-0.1']],
    [['a=1e-1']],
    [['a=0.5@from=-1']],
    [['a=0.5@from=1.5']],
    [['a=0.5@from=99999999999']],
    [['a', 'b']],
    [['a=0.5', 'b']],
    [collectNames('a=0.5,')],
    [[]],
  ])('%j are refused where one has no share', (names) => {
    if (names.length === 0) expect(namedShares(names)).toEqual([]);
    else expect(() => namedShares(names)).toThrow('names no share from 0 to 1');
  });

  test('may be named before they count where their shares begin no earlier', () => {
    const begins = (...names: string[]) => beginsWith(4_000_000, namedShares(names)[0]!.shares);
    expect([begins('a=1@from=4000000'), begins('a=0', 'a=1@from=4000001')]).toEqual([true, true]);
    expect([begins('a=1'), begins('a=1@from=3999999'), begins('a')]).toEqual([false, false, false]);
  });

  const played = (names: string[]) =>
    requireShares(namedShares(names).map(({ reference, shares }) => ({ id: reference, shares: shares! })));

  test.each([
    [['a=0.7', 'b=0.4'], 'sum to 1.1 from block 0 on'],
    [['a=0.5', 'b=0.5', 'a=0.6@from=10'], 'sum to 1.1 from block 10 on'],
    [['a=0.5', 'a=0.4'], 'competition "a" has two shares from block 0 on'],
    [['a=0.5@from=7', 'b=0.1', 'a=0.5@from=7'], 'competition "a" has two shares from block 7 on'],
    [Array.from({ length: 65 }, (_, i) => `c${i}=0.01`), '65 competitions are named'],
  ])('%j cannot be played together', (names, why) => {
    expect(() => played(names)).toThrow(why);
  });
});

describe('a competition that was played alone before', () => {
  let data: string;
  let common: ValidatorState;
  beforeEach(async () => {
    data = await mkdtemp(join(tmpdir(), 'flock-off-shares-'));
    common = await ValidatorState.open({ path: join(data, 'state') });
  });
  afterEach(async () => {
    await common.close();
    await rm(data, { recursive: true, force: true });
  });

  test('does not begin anew beside others, and goes on with a copy of its state', async () => {
    const folder = join(data, 'competitions', 'a');
    const begin = (id: string) => requireNoHistory(common, { data, folder: join(data, 'competitions', id), id });
    await begin('a');
    const history = {
      genesisHash: '0x1',
      netuid: 7,
      competition: 'a',
      sinceBlock: 1,
      lastStartBlock: 1,
      ledgerFrom: null,
    };
    await common.finishEpoch({ standings: {}, ledger: { put: [], removed: [] }, queue: null, history });
    await begin('b');
    await expect(begin('a')).rejects.toMatchObject({
      code: 'bad-argument',
      message: expect.stringContaining(
        `${join(data, 'state')} holds the history of competition a, and ${folder} has none`,
      ),
    });
    await common.close();
    await cp(join(data, 'state'), join(folder, 'state'), { recursive: true });
    common = await ValidatorState.open({ path: join(data, 'state') });
    await begin('a');
    const own = await ValidatorState.open({ path: join(folder, 'state') });
    expect(await own.history()).toEqual(history);
    await own.close();
  });
});

test('trainers are opened once for each base model, and told of how many they share the memory', async () => {
  const played = (...models: string[]) =>
    models.map((model, i) => ({
      rules: { baseModel: { model }, competition: { recipe: { contextTokens: 64 * (i + 1) } } },
    })) as OpenCompetition[];
  const opened = async (competitions: OpenCompetition[]) => {
    const told: [string, number, number][] = [];
    const openOne: Parameters<typeof openScorers>[1]['openOne'] = async ({ baseModel, competition }, baseModels) => {
      told.push([baseModel.model, competition.recipe.contextTokens, baseModels]);
      return {} as Trainer;
    };
    await openScorers(competitions, { isFleet: false, openOne });
    return told;
  };
  expect(await opened(played('a', 'a'))).toEqual([['a', 128, 1]]);
  expect(await opened(played('a', 'b', 'a'))).toEqual([
    ['a', 192, 2],
    ['b', 128, 2],
  ]);
});
