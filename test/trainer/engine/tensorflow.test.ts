import { expect, it } from 'vitest';
import { BACKENDS, loadTensorFlow, probeBackends } from '../../../src/trainer/engine/tensorflow.ts';

process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';

it('probeBackends reports each backend with a version or a reason, and leaves the first good one active', async () => {
  const probes = await probeBackends();
  expect(probes.map(({ name }) => name)).toEqual([...BACKENDS]);
  for (const { info, reason } of probes) {
    if (info) expect(info.packageVersion).toMatch(/^\d+\.\d+/);
    else expect(reason).toBeTruthy();
  }
  // The JavaScript backend needs nothing but the npm package.
  expect(probes.find(({ name }) => name === 'cpu')?.info).toMatchObject({ libraryVersion: null, cuda: false });
  const best = probes.find(({ info }) => info)!;
  const { tf, backend } = await loadTensorFlow();
  expect(backend).toEqual(best.info);
  expect(tf.getBackend()).toBe(backend.libraryVersion ? 'tensorflow' : backend.name);
});

it('says why a backend that was asked for cannot be started', async () => {
  const { 'tfjs-node': native } = Object.fromEntries((await probeBackends()).map((probe) => [probe.name, probe]));
  if (native?.reason !== 'not installed') return expect(native?.info ?? native?.reason).toBeTruthy();
  await expect(loadTensorFlow({ backend: 'tfjs-node' })).rejects.toMatchObject({
    code: 'backend-unavailable',
    message: expect.stringContaining('tfjs-node: not installed'),
  });
});
