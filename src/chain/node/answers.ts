import { z } from 'zod';
import type { JsonRpcSocket } from './json-rpc-socket.ts';

/** An answer that is not what the method promises: the node's fault, so another one may do better. */
export class UnusableAnswerError extends Error {
  override readonly name = 'UnusableAnswerError';
}

const isHex = (text: string) => text.startsWith('0x') && text.length % 2 === 0 && !/[^0-9a-f]/i.test(text.slice(2));

/** Bytes, as `0x` and two digits each. */
export const HexAnswer = z.string().refine(isHex);
export const HashAnswer = HexAnswer.length(66);

/** A whole number as Substrate writes it in headers. */
const HexNumber = z
  .string()
  .regex(/^0x[0-9a-f]{1,16}$/i)
  .transform(Number)
  .refine(Number.isSafeInteger);

export const HeaderAnswer = z.object({ number: HexNumber });

/** `null` where the node does not keep the block. */
export const BlockAnswer = z
  .object({
    block: z.object({
      header: z.object({ number: HexNumber, parentHash: HashAnswer }),
      extrinsics: z.array(z.string()),
    }),
  })
  .nullable();

const count = z.number().int().nonnegative();
export const NonceAnswer = count;

/** What a runtime says of itself, and the APIs that `state_call` reaches: blake2b-64 of their names, and versions. */
export const RuntimeVersionAnswer = z.object({
  specName: z.string().default(''),
  specVersion: count,
  transactionVersion: count.default(0),
  apis: z.array(z.tuple([HexAnswer.length(18), count])).default([]),
});
export type RuntimeVersion = z.infer<typeof RuntimeVersionAnswer>;

export const StorageAnswer = z
  .tuple([z.object({ block: HashAnswer, changes: z.array(z.tuple([z.string(), HexAnswer.nullable()])) })])
  .rest(z.unknown());

export const KeysAnswer = z.array(HexAnswer);

/** @throws UnusableAnswerError when the node answers with something else. */
export async function ask<Answer extends z.ZodType>(
  socket: JsonRpcSocket,
  method: string,
  params: unknown[],
  answer: Answer,
): Promise<z.output<Answer>> {
  const result = await socket.request(method, params);
  const parsed = answer.safeParse(result);
  if (parsed.success) return parsed.data;
  throw new UnusableAnswerError(`it answered ${method} with ${shown(result)}`);
}

const SHOWN_CHARACTERS = 60;

/** Something from outside, cut short for a message. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return `an object with ${Object.keys(value).slice(0, 3).map(cut)}`;
  return typeof value === 'string' ? JSON.stringify(cut(value)) : String(value);
}

function cut(text: string): string {
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}...` : text;
}
