import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where Python's huggingface_hub keeps models when its variables say nothing else. */
export const DEFAULT_HUB_CACHE = join(homedir(), '.cache', 'huggingface', 'hub');

/**
 * The folder in which Python's huggingface_hub keeps models, by the variables it reads itself: `HF_HUB_CACHE`, else
 * `hub` in `HF_HOME`, else in `XDG_CACHE_HOME`, else `~/.cache/huggingface/hub`. Empty ones do not count.
 *
 * @example
 * const trainer = await LoraTrainer.open({ model, hubCacheDir: hubCacheFolder(process.env) });
 */
export function hubCacheFolder(env: Readonly<Record<string, string | undefined>>): string {
  const named = env.HF_HUB_CACHE || env.HUGGINGFACE_HUB_CACHE;
  if (named) return atHome(named);
  if (env.HF_HOME) return join(atHome(env.HF_HOME), 'hub');
  return env.XDG_CACHE_HOME ? join(atHome(env.XDG_CACHE_HOME), 'huggingface', 'hub') : DEFAULT_HUB_CACHE;
}

function atHome(path: string): string {
  return path.replace(/^~(?=$|[\\/])/, homedir());
}
