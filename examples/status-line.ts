/** How far something has come. */
export interface Progress {
  at: number;
  of: number;
  /** What is counted, such as "steps". */
  unit: string;
  /** Whatever else there is to say, the more important first. */
  more?: string[];
}

export interface StatusLineParameters {
  what: string;
  progress?: Progress;
  /** Such as "12 min left". */
  left?: string;
  /** Which of how many, such as "miner 4 of 7". */
  place?: string | null;
  /** What comes after it, such as "weights at 14:32". */
  next?: string | null;
}

/** From all there is to say to the least, what is left out first being what is missed least. */
const SHAPES = [
  { bar: 20, more: 9, unit: true, place: true, next: true, left: true },
  { bar: 10, more: 9, unit: true, place: true, next: true, left: true },
  { bar: 10, more: 1, unit: true, place: true, next: true, left: true },
  { bar: 10, more: 1, unit: false, place: true, next: true, left: true },
  { bar: 0, more: 1, unit: false, place: true, next: true, left: true },
  { bar: 0, more: 1, unit: false, place: true, next: false, left: true },
  { bar: 0, more: 0, unit: false, place: true, next: false, left: true },
  { bar: 0, more: 0, unit: false, place: false, next: false, left: true },
  { bar: 0, more: 0, unit: false, place: false, next: false, left: false },
];

/** What is being done, in as many words as fit into the columns; `null`: all words, without a bar. */
export function statusLine(parameters: StatusLineParameters, columns: number | null): string {
  if (columns === null) return shaped(parameters, { ...SHAPES[0]!, bar: 0 });
  for (const shape of SHAPES) {
    const line = shaped(parameters, shape);
    if (line.length <= columns) return line;
  }
  return shaped(parameters, SHAPES.at(-1)!).slice(0, Math.max(0, columns));
}

function shaped({ what, progress, left, place, next }: StatusLineParameters, shape: (typeof SHAPES)[number]): string {
  const head = shape.place && place ? `${place}, ${what}` : what;
  const tail = shape.next && next ? `; ${next}` : '';
  if (!progress) return `${head}${tail}`;
  const { at, of, unit, more = [] } = progress;
  // Nothing that is shown may throw: at and of are what a chain and others say.
  const filled = Math.min(shape.bar, Math.max(0, Math.round((shape.bar * at) / of) || 0));
  const bar = shape.bar > 0 ? ` ${'█'.repeat(filled)}${'░'.repeat(shape.bar - filled)}` : '';
  const said = [`${at}/${of}${shape.unit ? ` ${unit}` : ''}`, ...more.slice(0, shape.more), shape.left ? left : ''];
  return `${head}${bar} ${said.filter(Boolean).join(', ')}${tail}`;
}
