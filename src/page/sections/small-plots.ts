import { type Html, html } from '../html.ts';

// Plots that need no script: a few marks of SVG.

const BAR_WIDTH = 64;

/** A share of the largest, 0..1. */
export function bar(share: number): Html {
  const width = Math.round(BAR_WIDTH * Math.min(1, Math.max(0, share)) * 10) / 10;
  return html`<svg class="bar" viewBox="0 0 ${BAR_WIDTH} 4" width="${BAR_WIDTH}" height="4" aria-hidden="true"><rect class="track" width="${BAR_WIDTH}" height="4" rx="2"/><rect class="fill" width="${width}" height="4" rx="2"/></svg>`;
}

const LINE = { width: 96, height: 24, epochs: 48 };

/** How a weight went, by epoch. */
export function weightLine(weights: number[]): Html {
  const values = weights.slice(-LINE.epochs);
  const most = Math.max(...values);
  const { width, height } = LINE;
  if (values.length < 2 || !(most > 0)) return html``;
  const points = values.map((value, i) => {
    const x = 2 + ((width - 4) * i) / (values.length - 1);
    return [x, height - 2 - ((height - 4) * value) / most].map((one) => one.toFixed(1)).join();
  });
  const [x, y] = points.at(-1)!.split(',');
  return html`<svg class="line" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Weight over ${values.length} epochs"><polyline points="${points.join(' ')}"/><circle cx="${x}" cy="${y}" r="2"/></svg>`;
}

export interface GridParameters {
  label: string;
  /** Names of the rows, and of the columns above the grid; those of the columns may be empty. */
  rows: string[];
  columns: string[];
  /** A class and a sentence for each cell; `null` for nothing. */
  cell: (row: number, column: number) => { kind: string; title: string } | null;
  /** Width of the rows' names. */
  margin: number;
  /** Least width of a column, where the grid may be wider than its place. Default: that of a row's height. */
  columnWidth?: number;
}

const CELL = 18;
const GAP = 2;

/** Cells in rows and columns; its container scrolls where it is wider than a phone. */
export function grid({ label, rows, columns, cell, margin, columnWidth = CELL }: GridParameters): Html {
  const top = columns.some((name) => name !== '') ? CELL : 0;
  const width = margin + columns.length * columnWidth;
  const height = top + rows.length * CELL;
  return html`<div class="scroll"><svg class="grid" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${label}">
    ${top > 0 && columns.map((name, column) => name !== '' && html`<text class="of-column" x="${margin + (column + 0.5) * columnWidth - GAP / 2}" y="12">${name}</text>`)}
    ${rows.map((name, row) => html`<text class="of-row" x="${margin - 8}" y="${top + row * CELL + 12.5}">${name}</text>${columns.map((_, column) => cellAt(row, column))}`)}
  </svg></div>`;

  function cellAt(row: number, column: number): Html | null {
    const found = cell(row, column);
    if (!found) return null;
    return html`<rect class="${found.kind}" x="${margin + column * columnWidth}" y="${top + row * CELL}" width="${columnWidth - GAP}" height="${CELL - GAP}" rx="3"><title>${found.title}</title></rect>`;
  }
}
