import { MersenneTwister } from '../../src/shared/random.ts';

/** An epoch as {@link computeWeights} gets it, of 0 to `most` miners: some not drawn, refused, new, or gone. */
export function randomEpoch(seed: number, most = 40) {
  const random = new MersenneTwister(seed);
  const chance = () => random.nextUniform();
  const count = Math.floor(chance() * most);
  const hotkeys = Array.from({ length: count }, (_, i) => `miner ${i}`);
  const some = (share: number) => hotkeys.filter(() => chance() < share);
  const consensusOf = chance() < 0.2 ? () => 0 : chance;
  return {
    scored: some(0.7).map((hotkey) => ({
      hotkey,
      lossNatsPerToken: 0.1 + 3 * chance(),
      commitBlock: Math.floor(chance() * 20),
    })),
    baselineLossNatsPerToken: chance() < 0.5 ? null : 3 * chance(),
    rejected: new Set(some(0.15)),
    previous: Object.fromEntries([...some(0.6), 'gone'].map((hotkey) => [hotkey, chance() < 0.2 ? 0 : chance()])),
    unjudged: new Set(some(0.2)),
    neurons: hotkeys
      .filter(() => chance() < 0.95)
      .map((hotkey, i) => ({ uid: i, hotkey, consensus: consensusOf() }))
      .sort(() => chance() - 0.5),
  };
}
