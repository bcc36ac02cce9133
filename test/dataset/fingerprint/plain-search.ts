import { type Fingerprint, gramOf, isCommon, readFingerprint } from '../../../src/dataset/fingerprint/format.ts';
import { JudgedShowing, type OthersRow } from '../../../src/dataset/fingerprint/judged-showing.ts';
import { SourceRow } from '../../../src/dataset/fingerprint/likeness.ts';
import { firstGramOf, firstPairOf, firstWordOfRow, isShort } from '../../../src/dataset/fingerprint/rows-of.ts';
import type { Showing } from '../../../src/dataset/fingerprint/showings.ts';

/** A row of a showing. */
interface Row {
  showing: number;
  row: number;
}

/**
 * What the search has to find, as plainly as it can be said: one Map of all grams, every row looked at in order of time, no
 * parts, no closing, no evaluation set.
 */
export function plainSearch(showings: readonly (Showing & { fingerprint: Uint8Array })[]): Map<number, OthersRow[]> {
  const prints = showings.map(({ fingerprint }) => readFingerprint(fingerprint)!);
  const begins = showings.map(({ shownAt }) => Math.min(...shownAt));
  const order = begins.map((_, i) => i).sort((a, b) => begins[a]! - begins[b]! || a - b);
  const timeOf = ({ showing, row }: Row) => showings[showing]!.shownAt[row]!;
  const ownerOf = ({ showing }: Row) => showings[showing]!.owner;
  const judgedIndices = showings.flatMap(({ judged }, i) => (judged ? [i] : []));
  const last = Math.max(0, ...judgedIndices.flatMap((i) => [...showings[i]!.shownAt]));
  const judgedOwners = new Set(judgedIndices.map((i) => showings[i]!.owner));
  const first = Math.min(last, ...begins.filter((_, i) => judgedOwners.has(showings[i]!.owner)));

  const judgedBegin = Math.min(last, ...judgedIndices.map((i) => begins[i]!));
  const hasEnded = (showing: number) => showings[showing]!.claimedUntil <= judgedBegin;

  const holders = new Map<number, Row[]>();
  // Those on which a claim stands come first.
  for (const showing of [...order.filter((i) => !hasEnded(i)), ...order.filter(hasEnded)]) {
    const { own, claimedUntil } = showings[showing]!;
    if (claimedUntil <= first) continue;
    for (let row = 0; row < prints[showing]!.rowCount; row++) {
      const isOwn = !own || ((own[row >> 3]! >> (row & 7)) & 1) === 1;
      if (!isOwn || timeOf({ showing, row }) >= last) continue;
      for (const [gram] of gramsOf(prints[showing]!, row, { isSource: true })) {
        const known = holders.get(gram) ?? [];
        const same = known.findIndex((other) => ownerOf(other) === showings[showing]!.owner);
        if (same < 0) known.push({ showing, row });
        else if (!hasEnded(showing) && timeOf({ showing, row }) < timeOf(known[same]!)) known[same] = { showing, row };
        if (!hasEnded(showing)) known.sort((a, b) => timeOf(a) - timeOf(b));
        holders.set(gram, known.slice(0, 2));
      }
    }
  }

  const judged = new Map(
    judgedIndices.map((index) => {
      const times = Uint32Array.from(showings[index]!.shownAt);
      return [index, new JudgedShowing({ index, print: prints[index]!, owner: index, times })];
    }),
  );
  const comparisons = judgedIndices.flatMap((index) =>
    Array.from({ length: prints[index]!.rowCount }, (_, row) => {
      const counts = new Map<string, { source: Row; count: number }>();
      let grams = 0;
      for (const [gram, weight, isGram] of gramsOf(prints[index]!, row, { isSource: false })) {
        if (isGram) grams++;
        for (const source of holders.get(gram) ?? []) {
          if (ownerOf(source) === showings[index]!.owner) continue;
          const key = `${source.showing}.${source.row}`;
          counts.set(key, { source, count: weight + (counts.get(key)?.count ?? 0) });
        }
      }
      const fewest = grams <= 8 ? 1 : Math.min(4, Math.max(2, Math.floor(grams / 16)));
      return [...counts.values()]
        .filter(({ count }) => count >= fewest)
        .sort((a, b) => b.count - a.count || a.source.showing - b.source.showing || a.source.row - b.source.row)
        .slice(0, Math.min(64, Math.max(6, Math.floor(grams / 5))))
        .filter(({ source }) => timeOf(source) < showings[index]!.shownAt[row]!)
        .map(({ source }) => ({ index, row, source }));
    }).flat(),
  );

  for (const showing of order) {
    const copied = new Set(
      judged
        .get(showing)
        ?.found()
        .map(({ row }) => row),
    );
    const here = comparisons.filter(({ source }) => source.showing === showing && !copied.has(source.row));
    here.sort((a, b) => a.source.row - b.source.row || a.index - b.index || a.row - b.row);
    for (const { index, row, source } of here) {
      const one = judged.get(index)!;
      if (one.done[row]) continue;
      const sourceRow = new SourceRow();
      sourceRow.load(prints[showing]!, source.row);
      const own = ownTimes(showings, prints, showings[index]!.owner);
      const likeness = sourceRow.compare(prints[index]!, row, (word, pair) => {
        const at = Math.min(showings[index]!.shownAt[row]!, ownTimeOf(own, prints[index]!, word, pair));
        return timeOf(source) < at && at < showings[showing]!.claimedUntil;
      });
      one.note(row, source, likeness);
    }
  }
  return new Map([...judged].map(([index, one]) => [index, one.found()]));
}

/** By what a row is found: with its weight, and whether it is a gram. */
function gramsOf(print: Fingerprint, row: number, { isSource }: { isSource: boolean }): [number, number, boolean][] {
  const [found, grams]: [[number, number, boolean][], number[]] = [[], []];
  for (let pair = firstPairOf(print, row); pair < print.pairEnd[row]!; pair++) {
    found.push([gramOf(print.pairHashes[2 * pair]!), 4, false]);
    if (print.questionHashes[pair] !== 0) found.push([gramOf(print.questionHashes[pair]!), 2, false]);
    grams.push(...print.words.subarray(firstGramOf(print, pair), print.wordEnd[pair]!));
  }
  const distinctive = grams.filter((word) => !isCommon(word));
  const taken = isSource && distinctive.length >= 8 ? distinctive : grams;
  return [...found, ...taken.map((word): [number, number, boolean] => [gramOf(word), 1, true])];
}

function ownTimes(showings: readonly Showing[], prints: Fingerprint[], owner: string): Map<number, number> {
  const times = new Map<number, number>();
  const note = (word: number, at: number) => times.set(gramOf(word), Math.min(at, times.get(gramOf(word)) ?? Infinity));
  for (const [i, { shownAt }] of showings.entries()) {
    if (showings[i]!.owner !== owner) continue;
    const print = prints[i]!;
    for (let row = 0; row < print.rowCount; row++) {
      for (let word = firstWordOfRow(print, row); word < firstWordOfRow(print, row + 1); word++)
        note(print.words[word]!, shownAt[row]!);
      for (let pair = firstPairOf(print, row); pair < print.pairEnd[row]!; pair++)
        if (isShort(print, pair)) note(print.pairHashes[2 * pair]!, shownAt[row]!);
    }
  }
  return times;
}

function ownTimeOf(own: Map<number, number>, print: Fingerprint, word: number, pair: number): number {
  const at = (of: number) => own.get(gramOf(of)) ?? Infinity;
  if (!isShort(print, pair)) return at(print.words[word]!);
  const asked = [...print.words.subarray(firstGramOf(print, pair), print.wordEnd[pair]!)].map(at).sort((a, b) => a - b);
  return Math.min(at(print.pairHashes[2 * pair]!), asked[Math.floor(0.7 * asked.length)] ?? Infinity);
}
