import { reject } from '../../schema/verdict.ts';

export interface TokenFacts {
  maxTokens: number;
  /** Each row was cut to so many. */
  contextTokens: number;
  rows: number;
  /** The first rows, which have no more than `maxTokens` together. */
  rowsWithin: number;
}

export function tooManyTokens(facts: TokenFacts) {
  const { maxTokens, contextTokens, rows, rowsWithin } = facts;
  const seen = `the first ${rowsWithin + 1} of ${rows} rows have more than ${maxTokens} tokens, each cut to ${contextTokens}`;
  const message = `${seen}, which is as many as a dataset may have; shorten or leave out rows`;
  return reject('too-many-tokens', message, facts);
}

export function noLabels({ rows, contextTokens }: Pick<TokenFacts, 'rows' | 'contextTokens'>) {
  return reject('no-labels', `none of ${rows} rows has an assistant token inside ${contextTokens} tokens`);
}
