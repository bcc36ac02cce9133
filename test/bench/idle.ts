/** A process that does nothing: how late its event loop is, is the machine's doing. Told to begin and to end. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

const delay = monitorEventLoopDelay({ resolution: 2 });
process.on('message', (what) => {
  if (what === 'begin') delay.enable();
  else process.send?.(delay.percentile(99) / 1e6);
});
process.send?.('ready');
