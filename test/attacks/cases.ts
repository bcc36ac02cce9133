import { boundedCases } from './cases/bounded.ts';
import { copyCases } from './cases/copies.ts';
import { evaluationCases } from './cases/evaluation.ts';
import { honestCases } from './cases/honest.ts';
import { orderCases } from './cases/order.ts';
import type { Case } from './judge.ts';

/** All that was tried, in the order of the table. */
export const CASES: Case[] = [...copyCases, ...evaluationCases, ...orderCases, ...boundedCases, ...honestCases];
