import { createHash } from 'node:crypto';
import { bls12_381 } from '@noble/curves/bls12-381.js';
import type { DatasetRow } from '../../src/schema/dataset-row.ts';
import { EvaluationSetsRule } from '../../src/schema/evaluation-sets.ts';

/** A beacon whose key is known, so that every round can be signed. */
const { shortSignatures } = bls12_381;
const SECRET_KEY = Buffer.alloc(32, 5);
const DOMAIN = 'BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_';
export const BEACON = {
  publicKey: shortSignatures.getPublicKey(SECRET_KEY).toBytes(),
  genesisSeconds: 1_700_000_000,
  periodSeconds: 3,
};

/** The beacon's signature of a round. */
export function signRound(round: number): Uint8Array {
  const number = Buffer.alloc(8);
  number.writeBigUInt64BE(BigInt(round));
  const id = createHash('sha256').update(number).digest();
  return shortSignatures.sign(shortSignatures.hash(id, DOMAIN), SECRET_KEY).toBytes();
}

export function ruleOf(changed: Partial<Record<keyof EvaluationSetsRule, unknown>> = {}): EvaluationSetsRule {
  return EvaluationSetsRule.parse({
    ...{ repo: 'org/sets', signer: '5'.padEnd(48, 'x'), firstRound: 1_000, roundsBetween: 100 },
    beacon: { ...BEACON, publicKey: Buffer.from(BEACON.publicKey).toString('hex') },
    ...changed,
  });
}

export const rowsOf = (topic: string, count = 8): DatasetRow[] =>
  Array.from({ length: count }, (_, i) => ({
    conversations: [
      { role: 'user', content: `What is ${topic} ${i}?` },
      { role: 'assistant', content: `It is ${topic} number ${i}, as asked.` },
    ],
  }));

export function fileOf(rows: DatasetRow[]): Buffer {
  return Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
}
