import { Arena, type Equipment, openEquipment } from './arena.ts';
import { type Case, judge, type Line } from './judge.ts';
import { World } from './world.ts';

/** The evaluation set is of the same world as the datasets, and shares no row with them. */
export function openArenas(folder: string): Promise<Equipment> {
  return openEquipment({ folder, evaluationRows: new World(1).rows(24) });
}

/** Plays a case on a subnet of its own. What the machine does to it counts as a problem of the case. */
export async function play(equipment: Equipment, one: Case): Promise<Line[]> {
  const arena = await Arena.open({ equipment, name: one.name, competition: one.competition });
  try {
    return await judge(arena, one, await one.play(arena));
  } catch (error) {
    const nothing = { rows: 0, leftOut: 0, wronglyLeftOut: 0, outcome: 'failed', weight: 0, weightAlone: 0 };
    return [
      {
        name: one.name,
        kind: one.kind,
        ...nothing,
        problems: [error instanceof Error ? (error.stack ?? error.message) : String(error)],
      },
    ];
  } finally {
    await arena.close();
  }
}
