import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { checkBytes } from '../../src/dataset/check-bytes.ts';
import { Competition } from '../../src/schema/competition.ts';
import { VerdictReason } from '../../src/schema/verdict.ts';
import { readPointers } from '../../src/validator/pointers.ts';

const [, ...sections] = readFileSync(new URL('../../docs/refused.md', import.meta.url), 'utf8').split(/^### /m);
const competition = Competition.parse({});
const blocks = (section: string, language: string) =>
  [...section.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`\n\n> (.*)$`, 'gm'))].map(
    ([, shown, said]) => [shown!, said!] as const,
  );

test('every reason has a section, in order, with something to look at and what to do', () => {
  expect(sections.map((section) => section.split('\n')[0])).toEqual(VerdictReason.options);
  for (const section of sections) {
    expect(section).toMatch(/\n(```|> )/);
    expect(section).toMatch(/^\*\*What to do\.\*\* .{40,}$/m);
  }
});

test('of each file that is shown, the sentence below it is what the check says', async () => {
  const shown = sections.flatMap((section) =>
    blocks(section, 'jsonl').map(([file, said]) => ({ reason: section.split('\n')[0], file, said })),
  );
  expect(shown.length).toBeGreaterThan(2);
  for (const { reason, file, said } of shown) {
    const checked = await checkBytes({ bytes: new TextEncoder().encode(file), competition });
    expect(checked).toMatchObject({ ok: false, verdict: { reason, message: said } });
  }
});

test('of each pointer that is shown, the sentence below it is what the validator says', () => {
  const shown = sections.flatMap((section) =>
    blocks(section, 'text').map(([pointer, said]) => ({
      reason: section.split('\n')[0],
      pointer: pointer.trim(),
      said,
    })),
  );
  expect(shown.map(({ reason }) => reason)).toEqual(['invalid-pointer', 'wrong-competition', 'unpinned-commit']);
  for (const { reason, pointer: text, said } of shown) {
    const neurons = [{ uid: 0, hotkey: '5F', coldkey: '5C', registrationBlock: 1, consensus: 0 }];
    const pointers = readPointers(
      { neurons, commitments: [{ hotkey: '5F', kind: 'Raw9', block: 2, text }] },
      competition,
    );
    expect(pointers.get('5F')?.submission).toMatchObject({ ok: false, verdict: { reason, message: said } });
  }
});
