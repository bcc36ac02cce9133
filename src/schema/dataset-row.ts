import * as z from 'zod';
import { isBlankAsPython } from '../shared/strip-as-python.ts';

// As the trainer sees it: what is stripped to nothing there would be a turn without words.
const text = z.string().refine((content) => !isBlankAsPython(content), { error: 'content is empty' });

/**
 * One turn of a chat: who speaks, and what is said.
 * @example
 * const turn: Turn = { role: 'user', content: 'Hi' };
 * TurnSchema.parse(turn);
 */
export const TurnSchema = z.object({ role: z.enum(['user', 'assistant']), content: text });
export type Turn = z.infer<typeof TurnSchema>;

/**
 * One row of a dataset file (one JSON object a line of `data.jsonl`): an optional system prompt and a chat whose turns
 * alternate user, assistant, user, assistant ... and end with the assistant. Unknown keys are dropped.
 *
 * @example
 * DatasetSchema.parse({ conversations: [{ role: 'user', content: 'Hi' }, { role: 'assistant', content: 'Hello!' }] });
 */
export const DatasetSchema = z.object({
  system: z.string().nullish(),
  conversations: z
    .array(TurnSchema)
    .min(2, { error: 'conversations needs at least one user turn and one assistant turn' })
    .superRefine((turns, context) => {
      const wrong = turns.findIndex((turn, i) => turn.role !== (i % 2 === 0 ? 'user' : 'assistant'));
      if (wrong >= 0) {
        const expected = wrong % 2 === 0 ? 'user' : 'assistant';
        context.addIssue({
          code: 'custom',
          path: [wrong, 'role'],
          message: `expected ${expected}, saw ${turns[wrong]?.role}: turns alternate, starting with user`,
        });
      } else if (turns.length % 2 === 1) {
        context.addIssue({
          code: 'custom',
          path: [turns.length - 1],
          message: "the last turn must be the assistant's",
        });
      }
    }),
});
export type DatasetRow = z.infer<typeof DatasetSchema>;

/** Characters (UTF-16 units) of what a row says, and a few for each turn. Also of rows that nobody has checked. */
export function sizeOfRow({ system, conversations }: DatasetRow): number {
  return conversations.reduce((sum, turn) => sum + 32 + (turn?.content?.length ?? 0), system?.length ?? 0);
}
