import { encryptTimelocked } from '../../src/chain/timelock/encrypt.ts';

/** Time to lock the weights of 256 uids, whose payload has 1069 bytes. */
const RUNS = 31;
const message = Buffer.alloc(1069, 1);
const timesMs = Array.from({ length: RUNS }, (_, i) => {
  const from = performance.now();
  encryptTimelocked({ message, round: 1000 + i });
  return performance.now() - from;
});
const [first] = timesMs;
const median = timesMs.sort((a, b) => a - b)[(RUNS - 1) / 2];
console.log(
  `time-locked encryption of 256 weights: ${median!.toFixed(0)} ms (median of ${RUNS}; the first ${first!.toFixed(0)} ms)`,
);
