import type { MachineClass } from './wire.ts';

/** What a worker is doing, for people. */
export type FleetWorkerEvent =
  | { kind: 'waiting'; why: string }
  | { kind: 'ready'; queue: string; machine: MachineClass }
  | { kind: 'begun'; task: string }
  | { kind: 'training' | 'evaluating'; task: string; at: number; of: number }
  | { kind: 'done'; task: string; what: string };
