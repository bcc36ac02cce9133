import { writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../trainer/golden/golden.ts';
import { LIMITS } from './limits.ts';
import type { Counts, Measured, MeasureParameters } from './measure.ts';
import { Runner } from './run-here.ts';
import { type BuiltStandIn, buildStandIn } from './stand-in/build.ts';
import { computedOnHost, crossingsDown, crossingsUp, type TracedNode } from './trace.ts';

// On the CPU, oneDNN's fused products would hide how a GPU rounds.
const PLAIN = { TF_ENABLE_ONEDNN_OPTS: '0' };
const CASES: [string, MeasureParameters][] = [
  ['float32', {}],
  ['bfloat16', { storage: 'bfloat16', matmul: 'bfloat16' }],
  ['float16, layers computed again', { storage: 'float16', matmul: 'float16', checkpointing: 'layer' }],
];

const built: BuiltStandIn = await buildStandIn();
if (built.library === null) console.warn(`No stand-in for a GPU is here: ${built.reason}`);

describe.skipIf(built.library === null)('on a stand-in for a GPU', { timeout: 120_000 }, () => {
  const gpu = new Runner(built.library ?? '', PLAIN);

  describe.each(CASES)('in %s', (_name, parameters) => {
    let nodes: TracedNode[];
    let measured: Measured;
    beforeAll(async () => {
      nodes = await gpu.trace(parameters);
      measured = await gpu.measure(parameters);
    }, 120_000);

    it('every operation of every call runs on the device', () => {
      expect(nodes.filter(({ device }) => device === 'GPU:0').length).toBeGreaterThan(2000);
      expect(computedOnHost(nodes)).toEqual(LIMITS.onHost);
    });

    it('nothing crosses but feeds, fetches and what is named', () => {
      expect(LIMITS.crossings).toEqual(expect.arrayContaining(crossingsUp(nodes)));
      // Fetches have names of words, what is between them has numbers.
      expect(crossingsDown(nodes).filter((name) => /^n\d+$/.test(name))).toEqual([]);
    });

    it('a call launches and copies no more than it may', () => {
      expect(measured.cuda).toBe(true);
      const { accumulate, norm, step, evaluate } = measured.calls;
      const again = parameters.checkpointing === 'layer';
      expectWithin(accumulate, again ? LIMITS.accumulateAgain : LIMITS.accumulate);
      expectWithin(sum(norm, step), LIMITS.step);
      expectWithin(evaluate, LIMITS.evaluate);
    });

    it('base weights are sent once, and are there once', () => {
      const { load } = measured.calls;
      expect(load.bytesUp).toBeLessThanOrEqual(LIMITS.sentByLoading * measured.weightBytes);
      expect(load.liveBytes).toBe(measured.weightBytes);
      // One after the other: what is cast, or not given back yet, is there beside them.
      expect(load.peakBytes).toBeLessThanOrEqual(measured.weightBytes + LIMITS.besideLoading * measured.largestBytes);
    });

    it('a step takes no more memory than is expected', () => {
      const { peakBytes } = measured.calls.accumulate;
      expect(peakBytes).toBeLessThanOrEqual(LIMITS.peakOverEstimate * measured.estimateBytes);
      expect(peakBytes).toBeGreaterThan(measured.weightBytes);
    });
  });

  it('what is computed is what the CPU computes', async () => {
    const here = new Runner(undefined, PLAIN);
    const [onGpu, onCpu] = [await gpu.measure({}), await here.measure({})];
    expect([onGpu.cuda, onCpu.cuda]).toEqual([true, false]);
    expect(onGpu.losses).toEqual(onCpu.losses);
  });

  it.each([
    ['8.9', '', 'bfloat16'],
    ['7.5', '', 'float16'],
    ['8.9', 'bfloat16', 'float16'],
  ])('compute capability %s, without kernels for "%s": %s is chosen', async (capability, without, chosen) => {
    const tool = join(temporaryFolder(), 'nvidia-smi');
    await writeFile(tool, `#!/bin/sh\necho ${capability}\n`, { mode: 0o755 });
    const env = { PATH: `${dirname(tool)}${delimiter}${process.env.PATH}`, TF_GPU_STAND_IN_WITHOUT: without };
    const { stdout } = await gpu.tool('tsx', ['test/gpu/choose.ts'], env);
    const reason = `the GPU is of compute capability ${capability}`;
    expect(JSON.parse(stdout)).toEqual({ matmul: chosen, reason });
  });

  it.each([
    ['float32', 'gradients.test.ts', 'one graph'],
    ['bfloat16', 'half.test.ts', 'in bfloat16'],
  ])('the golden tests in %s hold', { timeout: 300_000 }, async (_type, file, title) => {
    expect(await gpu.goldens(file, title)).not.toMatch(/Tests .*failed/);
  });
});

function sum(a: Counts, b: Counts): Counts {
  return Object.fromEntries(Object.entries(a).map(([name, count]) => [name, count + b[name as keyof Counts]])) as never;
}

function expectWithin(seen: Counts, limits: Partial<Counts>): void {
  for (const [name, limit] of Object.entries(limits)) {
    expect(seen[name as keyof Counts], name).toBeLessThanOrEqual(limit);
    expect(seen[name as keyof Counts], name).toBeGreaterThan(0);
  }
}
