import { createHash } from 'node:crypto';
import { ChainMetadataStore, type Competition, checkBytes, type DatasetRow, Competition as Rules } from 'flock-off';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Ledger } from '../../src/validator/ledger/ledger.ts';
import { readPointers } from '../../src/validator/pointers.ts';
import { intakeOf } from '../../src/validator/policy.ts';
import { judgeRows } from '../../src/validator/whose-rows.ts';
import { fileOf, ruleOf } from '../evaluation-sets/locked-world.ts';
import { closeMachine, type Machine, Miners, NETUID, openMachine } from './miners.ts';
import { RECIPE } from './receipts/real-receipts.ts';

// Whose rows are whose, where each epoch has an evaluation set of its own. No set is listed, so nothing is trained on.

let machine: Machine;
beforeAll(async () => {
  machine = await openMachine();
});
afterAll(() => closeMachine(machine));

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz';
/** Rows of words that no others share. */
const rowsOf = (topic: number, count = 8): DatasetRow[] =>
  Array.from({ length: count }, (_, row) => {
    const letters = (hash: Buffer) => [...hash.subarray(0, 7)].map((byte) => ALPHABET[byte % 26]).join('');
    const word = (i: number) => letters(createHash('sha256').update(`${topic} ${row} ${i}`).digest());
    const words = (from: number, many: number) => Array.from({ length: many }, (_, i) => word(from + i)).join(' ');
    return {
      conversations: [
        { role: 'user', content: `${words(0, 6)}?` },
        { role: 'assistant', content: `${words(20, 14)}.` },
      ],
    };
  });

test('copies stay copies once their original is forgotten, and rows of a set are left out while it is the set', async () => {
  const rules = { recipe: RECIPE, minOwnRows: 4, claimBlocks: 60, evaluationSets: ruleOf() };
  const competition: Competition = Rules.parse(rules);
  const [ann, ben, cid] = [rowsOf(1), rowsOf(2), rowsOf(3)];
  const miners = await Miners.open({ machine, names: ['ann', 'ben', 'cid'], evaluation: rowsOf(4), competition });
  const epoch = () => miners.epoch({ evaluationSets: { read: async () => 'missing' } });
  /** What is left out of a miner's dataset in an epoch that has this set. */
  const leftOutBy = async (set: DatasetRow[], uid: number) => {
    const checked = await checkBytes({ bytes: fileOf(set), competition: Rules.parse({ minRows: 1 }) });
    if (!checked.ok) throw new Error(checked.verdict.message);
    const validator = { ...(await miners.validator()), evaluation: checked.value };
    const metadata = new ChainMetadataStore({ subtensor: miners.subtensor, netuid: NETUID });
    const { metagraph, commitments } = await metadata.readSubnet();
    const { block, neurons } = metagraph;
    const start = { neurons, commitments: [...commitments.values()] };
    const pointers = readPointers(start, validator.competition, intakeOf(validator).excluded);
    const ledger = new Ledger(await miners.state.ledger());
    await judgeRows(validator, { ledger, pointers, neurons, block });
    await miners.state.putLedger(ledger.takeChanges());
    return ledger.of(neurons[uid]!.hotkey)!.showings[0]!.judgement!.leftOut;
  };
  try {
    await miners.publish('ann', ann);
    await miners.publish('cid', cid);
    // No set is open: not one of its rows is left out, neither are those of the set to try things on.
    await miners.publish('ben', rowsOf(4));
    const first = await epoch();
    for (const name of ['ann', 'ben', 'cid'])
      expect(first.of(name)).toMatchObject({ leftOut: { others: 0, evaluation: 0 }, outcome: { kind: 'postponed' } });
    expect(await leftOutBy(cid, 2)).toMatchObject({ others: 0, evaluation: 8 });
    await miners.publish('ann', rowsOf(5));
    await miners.publish('ben', [...ann, ...ben]);
    const copied = {
      leftOut: { others: 8, evaluation: 0, sources: [{ uid: 0, rows: 8 }] },
      outcome: { kind: 'postponed' },
    };
    const second = await epoch();
    expect(second.of('ben')).toMatchObject(copied);
    expect(second.of('cid').outcome.kind).toBe('postponed');
    await miners.pass(80);
    expect((await epoch()).of('ben')).toMatchObject(copied);
    expect(await leftOutBy(rowsOf(7), 1)).toMatchObject({ others: 8, evaluation: 0 });
    // A set with rows of its own takes those for that epoch only.
    expect(await leftOutBy(ben.slice(0, 3), 1)).toMatchObject({ others: 8, evaluation: 3 });
    expect((await epoch()).of('ben')).toMatchObject(copied);
  } finally {
    await miners.close();
  }
}, 60_000);
