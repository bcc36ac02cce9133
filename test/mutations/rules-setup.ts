import { setMaxListeners } from 'node:events';
import fc from 'fast-check';

/** Mutated code on a busy machine is slow, and that is no finding: what a test measures with this clock takes no time. */
Object.defineProperty(performance, 'now', { value: () => 0, configurable: true });
// That it fails is enough to know: no smaller example is looked for.
fc.configureGlobal({ endOnFailure: true });
// A test that runs again listens again to the signal of its own end.
setMaxListeners(0);
