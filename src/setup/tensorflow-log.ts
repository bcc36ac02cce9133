/**
 * Settings under which libtensorflow logs which libraries it loads and where each operation runs. Through tfjs-node there
 * is no other way to learn it. Source: `VLOG(1)` in TensorFlow's dso_loader.cc and executor.cc.
 */
export const VERBOSE_LOGGING = { TF_CPP_MIN_LOG_LEVEL: '0', TF_CPP_VMODULE: 'dso_loader=1,executor=1' };

/** The device of each node that ran, as in `GPU:0`, by the node's name. */
export function placementsIn(log: string): Map<string, string> {
  const line = /Process node: .*?\{\{node (\S+)\}\} = .* device: \S*\/device:(\w+:\d+)/g;
  return new Map([...log.matchAll(line)].map(([, node, device]) => [node!, device!]));
}

/** Why no CUDA device computes, as far as libtensorflow says so; `null` when it does not. */
export function cudaProblemIn(log: string): string | null {
  const missing = new Set(
    [...log.matchAll(/Could not load dynamic library '([^']+)'/g)].map(([, library]) => library!),
  );
  if (missing.has('libcuda.so.1')) return 'the NVIDIA driver is not installed (there is no libcuda.so.1)';
  if (missing.size > 0) return `${[...missing].join(', ')} could not be loaded`;
  const refused = /failed call to cuInit: (?:INTERNAL: )?(?:CUDA error: )?(.*)/.exec(log);
  if (refused) return `the NVIDIA driver does not start (${refused[1]!.trim()})`;
  return /dso_loader/.test(log) ? null : 'the TensorFlow that is linked was built for the CPU alone';
}
