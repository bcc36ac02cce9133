import { Command, Option } from 'commander';
import { defaultCacheFolder } from '../setup/cache.ts';
import { describeTensorFlow, linkTensorFlow, wasmWarning } from '../setup/link-tensorflow.ts';
import { parseRoutes, ROUTES } from '../setup/routes.ts';

/** `flock-off tensorflow`: links a native TensorFlow to the installed tfjs-node and says which one works. */
export function tensorflowCommand(): Command {
  return new Command('tensorflow')
    .description('Link a native TensorFlow to the installed @tensorflow/tfjs-node-gpu or @tensorflow/tfjs-node.')
    .option(
      '--gpu',
      'link the build that computes on NVIDIA GPUs, with the CUDA 12 libraries (3.4 GB to download)',
      false,
    )
    .option('--force', 'download and compile again, whatever is there', false)
    .addOption(
      new Option('--only <routes>', `ways to try, in order, separated by commas: ${ROUTES.join(', ')}`).env(
        'FLOCK_OFF_TENSORFLOW',
      ),
    )
    .action(async ({ gpu, force, only }: { gpu: boolean; force: boolean; only?: string }) => {
      const routes = parseRoutes(only);
      const cacheFolder = defaultCacheFolder(process.env);
      const linked = await linkTensorFlow({ cacheFolder, routes, gpu, force, log: (line) => console.error(line) });
      console.log(describeTensorFlow(linked));
      if (linked.route === 'linked' && linked.failures.length > 0) {
        console.error(`The TensorFlow that was linked stays.\n  ${linked.failures.join('\n  ')}`);
        process.exitCode = 1;
      }
      if (linked.backend === 'wasm') {
        console.error(wasmWarning(linked, 'npx flock-off tensorflow'));
        // With `--only wasm` it is what was asked for.
        if (routes.length > 1) process.exitCode = 1;
      } else if (gpu && !linked.cuda) {
        console.error(
          `No CUDA device computes${linked.cudaProblem ? `: ${linked.cudaProblem}` : ''}. It takes an NVIDIA GPU and its driver (docs/backends.md); then run this command again.`,
        );
        process.exitCode = 1;
      }
    });
}
