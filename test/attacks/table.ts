import type { Line } from './judge.ts';

const percent = (share: number) => `${Number((100 * share).toFixed(1))} %`;
const weight = (share: number) => (share === 0 ? '0' : share.toPrecision(3));

/** Lines of Markdown, a table for each kind. */
export function toTables(lines: Line[]): string {
  const attacks = lines.filter(({ kind }) => kind === 'attack');
  const honest = lines.filter(({ kind }) => kind === 'honest');
  const ok = ({ problems }: Line) => (problems.length === 0 ? 'holds' : '**open**');
  return [
    '| attack | rows left out | ends as | weight it earned | its own rows alone | |',
    '|---|---|---|---|---|---|',
    ...attacks.map(
      (one) =>
        `| ${one.name} | ${one.leftOut} of ${one.rows} (${percent(one.leftOut / Math.max(1, one.rows))}) | ${one.outcome} | ${weight(one.weight)} | ${weight(one.weightAlone)} | ${ok(one)} |`,
    ),
    '',
    '| honest | rows left out | wrongly | ends as | weight | weight lost | |',
    '|---|---|---|---|---|---|---|',
    ...honest.map(
      (one) =>
        `| ${one.name} | ${one.leftOut} of ${one.rows} | ${one.wronglyLeftOut} | ${one.outcome} | ${weight(one.weight)} | ${weight(Math.max(0, one.weightAlone - one.weight))} | ${ok(one)} |`,
    ),
    '',
  ].join('\n');
}

export function toProblems(lines: Line[]): string {
  return lines.flatMap(({ name, problems }) => problems.map((one) => `- ${name}: ${one}`)).join('\n');
}
