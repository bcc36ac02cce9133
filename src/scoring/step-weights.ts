import { requireNumbers } from '../shared/require-number.ts';
import { normalised, type Shares } from './shares.ts';

const TEMPERATURE = 0.08;

/** softmax(win rate / temperature) over the evaluated miners: sums to 1. */
export function stepWeights(winRates: Shares, temperature = TEMPERATURE): Shares {
  requireNumbers('winRates', winRates);
  const highest = Math.max(...winRates.values());
  return normalised(new Map([...winRates].map(([hotkey, rate]) => [hotkey, Math.exp((rate - highest) / temperature)])));
}
