import { canonicalJson } from '../shared/canonical-json.ts';
import { systemClock } from '../shared/clock.ts';
import { safeLogger } from '../shared/logger.ts';
import { PACKAGE_VERSION } from '../shared/own-package.ts';
import type { Asking } from './asking.ts';
import { type ChosenClass, chooseClass, unwanted } from './choose-class.ts';
import type { FleetParameters } from './fleet-parameters.ts';
import { classText } from './machine-class.ts';
import type { Roster } from './roster.ts';
import type { About, Hello, MachineClass } from './wire.ts';

export interface ClassChoiceParameters
  extends Pick<FleetParameters, 'base' | 'wanted' | 'workers' | 'lookMs' | 'gatherMs' | 'onWait' | 'logger'> {
  /** Of the queue. */
  name: string;
  asking: Asking;
  roster: Roster;
}

/** What the losses of an epoch have in common, and who is waited for before that is chosen. */
export class ClassChoice {
  readonly #parameters: ClassChoiceParameters;
  /** Who is waited for before the next choice: at first all, later those that took jobs since the one before. */
  #awaited: Set<string>;
  #chosen: About['chosen'] = null;

  constructor(parameters: ClassChoiceParameters) {
    this.#parameters = parameters;
    this.#awaited = new Set(parameters.workers);
  }

  get chosen(): About['chosen'] {
    return this.#chosen;
  }

  get machine(): MachineClass | null {
    return this.#chosen?.machine ?? null;
  }

  /** After a restart workers have in common what they had before, as long as that is wanted still. */
  takeUp({ chosen, base }: Pick<About, 'chosen' | 'base'>): void {
    if (chosen && this.#unfitOf({ ...chosen, base, unfit: null }) === null) this.#chosen = chosen;
  }

  /** Waits for a worker that fits, and for the others for a while: what those have that do the most is chosen. */
  async choose(seed: number | null, signal?: AbortSignal): Promise<ChosenClass> {
    const found = await this.#parameters.asking.unlessDone(signal, (stop) => this.#gather(stop));
    const { machine, facts, workers } = found;
    this.#chosen = { machine, facts, seed };
    this.#awaited = new Set(workers.map(({ worker }) => worker));
    return found;
  }

  /** Those that can take jobs now are waited for at the next choice. */
  note(): void {
    const { roster } = this.#parameters;
    for (const { worker } of roster.able(this.machine)) this.#awaited.add(worker);
  }

  tell({ machine, workers, aside }: ChosenClass): void {
    const { roster } = this.#parameters;
    const logger = safeLogger(this.#parameters.logger);
    const nameOf = ({ worker }: Hello) => roster.nameOf(worker);
    logger.info(`losses are of ${classText(machine)}: ${workers.map(nameOf).join(', ')}`);
    for (const { hello, why } of aside) logger.warn(`worker ${nameOf(hello)} is left aside: ${why}`);
  }

  async #gather(signal: AbortSignal): Promise<ChosenClass> {
    const { name, roster, asking, lookMs = 5_000, gatherMs = 60_000, onWait } = this.#parameters;
    const untilMs = performance.now() + gatherMs;
    let said = '';
    for (;;) {
      await asking.surely(() => roster.look(this.machine), signal);
      const hellos = roster.present();
      const found = chooseClass({
        ...{ hellos, before: this.machine },
        unfitOf: (hello) => this.#unfitOf(hello),
        speedOf: (worker) => roster.speedOf(worker),
      });
      const present = new Set(hellos.map(({ worker }) => worker));
      const missing = [...this.#awaited].filter((worker) => roster.isTrusted(worker) && !present.has(worker));
      if (found && (missing.length === 0 || performance.now() >= untilMs)) return found;
      const waits = found
        ? `${hellos.length} of ${hellos.length + missing.length} workers of ${name} are there: the others are waited for`
        : `no worker of ${name} is there yet: start one with "flock-off worker"`;
      if (waits !== said) onWait?.(waits);
      said = waits;
      await systemClock.sleep({ durationMs: Math.min(lookMs, 1_000), signal });
    }
  }

  /** Why a worker's losses are not what this validator wants; `null` where they are. */
  #unfitOf({ machine, facts, base: theirs, unfit }: Pick<Hello, 'machine' | 'facts' | 'base' | 'unfit'>) {
    const { base, wanted = {} } = this.#parameters;
    if (unfit !== null) return unfit;
    if (machine.packageVersion !== PACKAGE_VERSION)
      return `its version of flock-off is ${machine.packageVersion}, and that of the validator is ${PACKAGE_VERSION}`;
    const isBase =
      canonicalJson(theirs) === canonicalJson(base) && facts.baseSha256 === (base.sha256 ?? facts.baseSha256);
    return isBase ? unwanted({ facts }, wanted) : 'it has loaded another base model than the validator names';
  }
}
