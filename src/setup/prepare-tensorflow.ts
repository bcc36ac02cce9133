// The part of set-up that links TensorFlow, run by bootstrap.mjs once the npm packages are there. Steps go to
// standard error as they begin; the outcome goes to standard output as JSON: `line`, `warning` and `files`, the files
// whose change makes the outcome stale.
import { join } from 'node:path';
import { secretsOfProcess } from '../shared/process-secrets.ts';
import { Secrets } from '../shared/secrets.ts';
import { defaultCacheFolder } from './cache.ts';
import { describeTensorFlow, linkTensorFlow, wasmWarning } from './link-tensorflow.ts';
import { parseRoutes } from './routes.ts';
import { findTensorFlowPackage, packageFolder } from './tensorflow-package.ts';

try {
  const linked = await linkTensorFlow({
    cacheFolder: defaultCacheFolder(process.env),
    routes: parseRoutes(process.env.FLOCK_OFF_TENSORFLOW),
    log: (line) => console.error(line),
  });
  const native = findTensorFlowPackage();
  const wasm = packageFolder('@tensorflow/tfjs-backend-wasm');
  const files = [
    ...(native ? [native.addon, join(native.libraries, 'libtensorflow_cc.so.2')] : []),
    ...(wasm ? [join(wasm, 'package.json')] : []),
  ];
  const warning = linked.backend === 'wasm' ? wasmWarning(linked, 'npm run cli -- tensorflow') : null;
  console.log(JSON.stringify({ line: describeTensorFlow(linked), warning, files }));
} catch (error) {
  console.error(new Secrets(secretsOfProcess(process)).mask(error instanceof Error ? error.message : String(error)));
  process.exitCode = 1;
}
