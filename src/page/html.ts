import { printable } from '../shared/printable.ts';

/** Markup: only {@link html} makes it, so that a text can never pass for it. */
export class Html {
  readonly markup: string;

  /** @internal */
  constructor(markup: string) {
    this.markup = markup;
  }
}

export type HtmlPart = Html | string | number | false | null | undefined | readonly HtmlPart[];

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/**
 * Markup of a template. What is put in is text, and stays it: in elements and in quoted attributes, and without letters that
 * hide or reverse what follows. Lists are joined, `null` and `false` are nothing.
 */
export function html(parts: TemplateStringsArray, ...values: HtmlPart[]): Html {
  return new Html(parts.reduce((before, part, i) => before + markupOf(values[i - 1]) + part));
}

function markupOf(value: HtmlPart): string {
  if (value instanceof Html) return value.markup;
  if (Array.isArray(value)) return value.map(markupOf).join('');
  if (value === null || value === undefined || value === false) return '';
  return printable(String(value)).replace(/[&<>"']/g, (letter) => ENTITIES[letter]!);
}

/** The text of others, in a direction of its own and no longer than anybody reads. */
export function theirs(text: string, most = 300): Html {
  const letters = [...text];
  return html`<bdi>${letters.length > most ? `${letters.slice(0, most - 1).join('')}\u2026` : text}</bdi>`;
}

/** Data for a script: nothing in it can end the element that it stands in. */
export function jsonData(id: string, value: unknown): Html {
  const json = JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (letter) => {
    return `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
  return html`<script type="application/json" id="${id}">${new Html(json)}</script>`;
}
