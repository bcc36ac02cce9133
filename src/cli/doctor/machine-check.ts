/** One thing that was looked at. */
export interface MachineCheck {
  name: string;
  /** `null` where this machine does not say. */
  ok: boolean | null;
  /** What was found, and what to do where it is not well. */
  told: string;
}
