import type { TrainerFacts } from '../trainer/process/trainer-parameters.ts';
import type { WantedDevice } from './fleet-parameters.ts';
import { differenceOf } from './machine-class.ts';
import type { Hello, MachineClass } from './wire.ts';

export interface ChooseClassParameters {
  /** Who is there, in the order in which the validator was told of them. */
  hellos: Hello[];
  /** Why a worker can have no part in this, whatever the others are; `null` where it can. */
  unfitOf: (hello: Hello) => string | null;
  /** Rows a millisecond; `undefined` before a worker has been timed. */
  speedOf: (worker: string) => number | undefined;
  /** Of the epoch before: it stays where no other class does more. */
  before: MachineClass | null;
}

export interface ChosenClass {
  machine: MachineClass;
  facts: TrainerFacts;
  workers: Hello[];
  /** Who is there and gets no jobs, with a clause of why. */
  aside: { hello: Hello; why: string }[];
}

/**
 * What the losses of an epoch are to have in common: the class whose workers do the most together. One that has not been timed
 * counts as its like do, or as all do where none has been. `null` where nobody is there who fits.
 */
export function chooseClass(parameters: ChooseClassParameters): ChosenClass | null {
  const { hellos, unfitOf, before } = parameters;
  const unfit = new Map(hellos.map((hello) => [hello, unfitOf(hello)]));
  const fit = hellos.filter((hello) => unfit.get(hello) === null);
  const classes: Hello[][] = [];
  for (const hello of fit) {
    const like = classes.find(([one]) => isSame(one!.machine, hello.machine));
    if (like) like.push(hello);
    else classes.push([hello]);
  }
  const strength = strengthOf(parameters, fit);
  const isBefore = ([one]: Hello[]) => before !== null && isSame(before, one!.machine);
  const [workers] = classes.toSorted((a, b) => strength(b) - strength(a) || Number(isBefore(b)) - Number(isBefore(a)));
  const [first] = workers ?? [];
  if (!workers || !first) return null;
  const aside = hellos.flatMap((hello) => {
    const why = unfit.get(hello) ?? differenceOf(first.machine, hello.machine);
    return why === null ? [] : [{ hello, why }];
  });
  return { machine: first.machine, facts: first.facts, workers, aside };
}

/** Rows a millisecond of a class. */
function strengthOf({ speedOf }: ChooseClassParameters, fit: Hello[]): (workers: Hello[]) => number {
  const known = (hellos: Hello[]) => hellos.flatMap(({ worker }) => speedOf(worker) ?? []);
  const ofAll = meanOf(known(fit)) ?? 1;
  return (workers) => {
    const ofClass = meanOf(known(workers)) ?? ofAll;
    return workers.reduce((sum, { worker }) => sum + (speedOf(worker) ?? ofClass), 0);
  };
}

/** Why a worker is not what the validator wants: a clause; `null` where it is. */
export function unwanted({ facts }: Pick<Hello, 'facts'>, { device, precision }: WantedDevice): string | null {
  const has = facts.backend.cuda ? 'gpu' : 'cpu';
  if (device !== undefined && has !== device) return `its device is a ${has}, and the validator wants a ${device}`;
  const { matmul } = facts.precision;
  if (precision !== undefined && matmul !== precision)
    return `its precision is ${matmul}, and the validator wants ${precision}`;
  return null;
}

function isSame(one: MachineClass, other: MachineClass): boolean {
  return differenceOf(one, other) === null;
}

function meanOf(numbers: number[]): number | null {
  return numbers.length === 0 ? null : numbers.reduce((sum, one) => sum + one, 0) / numbers.length;
}
