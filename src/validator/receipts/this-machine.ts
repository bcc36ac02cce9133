import { arch, cpus, platform } from 'node:os';

/** What losses hang on besides the backend: processors of other kinds round sums otherwise. */
export interface ReceiptMachine {
  platform: string;
  arch: string;
  cpu: string;
}

/** The machine of this process. */
export function hereIs(): ReceiptMachine {
  return { platform: platform(), arch: arch(), cpu: cpus()[0]?.model.trim() ?? 'unknown' };
}
