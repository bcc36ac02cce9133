import type { DatasetRow } from 'flock-off';

/**
 * Rows for the arena: small stories of a fixed grammar and a vocabulary wide enough that no two rows say the same, so that
 * whose a row is is beyond doubt. What a dataset teaches is how such a story goes, which is what the evaluation set asks.
 */

const WHO =
  'baker,farmer,doctor,painter,sailor,teacher,miller,hunter,tailor,singer,farrier,weaver,potter,cooper,gardener,clerk,driver,butcher,nurse,shepherd,judge,widow,priest,cook,thief,queen,groom,dancer,smith,monk'.split(
    ',',
  );
const HOW =
  'old,young,quiet,proud,clever,tired,happy,strange,gentle,poor,rich,brave,lonely,busy,careful,tall,shy,blind'.split(
    ',',
  );
const TOWNS =
  'Paris,London,Rome,Vienna,Cairo,Prague,Lisbon,Cologne,Warsaw,Seville,Dublin,Athens,Oslo,Riga,Turin,Basel,Delft,Porto'.split(
    ',',
  );
const DOES =
  'keeps,sells,buys,mends,paints,hides,counts,washes,carries,finds,lends,steals,breaks,draws,burns,polishes,trades,wraps,weighs,throws'.split(
    ',',
  );
const NUMBERS = 'two,three,four,five,six,seven,eight,nine,ten,twelve,twenty,thirty,forty,fifty,some,many'.split(',');
const COLOURS =
  'red,brown,green,white,yellow,blue,grey,black,golden,silver,purple,orange,pale,dusty,broken,heavy,tiny,round'.split(
    ',',
  );
const THINGS =
  'horses,coins,coats,boots,rings,knives,cups,books,windows,tables,candles,baskets,goats,swans,seeds,barrels,lamps,clocks,ropes,drums,hats,maps,nets,pears,plates,bells,spoons,masks,kites,stones'.split(
    ',',
  );
const BY = 'behind,near,under,in,on,beside,above,inside,before,past,around,outside,opposite,below'.split(',');
const PLACES =
  'mill,river,bridge,barn,hill,market,church,garden,lake,stable,tower,school,harbour,oven,forest,inn,wall,well,bakery,prison,castle,field,cellar,gate,station,cave'.split(
    ',',
  );
const SOME =
  'brother,aunt,king,friend,dog,child,uncle,guest,cousin,mayor,twin,neighbour,pupil,captain,ghost,stranger,sister,landlord,beggar,soldier'.split(
    ',',
  );
const LIKES =
  'likes,wants,hates,needs,forgot,asked for,pays for,dreams of,lost,fears,praises,waits for,collects,smells,believes in,never saw'.split(
    ',',
  );
const GOODS =
  'bread,honey,wool,music,silence,salt,wine,rain,paper,fish,light,milk,tea,snow,letters,pepper,glue,velvet,smoke,chalk,onions,poems'.split(
    ',',
  );
const WHEN =
  'every Monday,on Sunday,at night,in June,after lunch,at dawn,in winter,all summer,since May,until Friday,twice a year,by moonlight,these days,without haste'.split(
    ',',
  );
const THEN = 'Later,Then,Afterwards,So,Still,Soon,At last,Now,Yet,Once more,Perhaps,Of course'.split(',');
const GO =
  'dances,sleeps,worries,laughs,sings,leaves,waits,works,cries,swims,rides,reads,writes,hums,runs,rests,shouts,prays,whistles,limps,stares,yawns'.split(
    ',',
  );

/** Draws rows that no other call of the same world draws. */
export class World {
  #state: number;
  readonly #asked = new Set<string>();

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Rows that say what none before said; about a third are of two pairs of turns. */
  rows(count: number): DatasetRow[] {
    return Array.from({ length: count }, () => {
      const pairs = this.below(3) === 0 ? [this.#pair(), this.#pair()] : [this.#pair()];
      return { conversations: pairs.flat() };
    });
  }

  /** A story on its own. */
  story(): string {
    return this.#pair()[1]!.content;
  }

  /** A whole number in 0 .. below - 1. */
  below(below: number): number {
    // Mulberry32.
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  shuffle<T>(items: readonly T[]): T[] {
    const shuffled = [...items];
    for (let i = shuffled.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [shuffled[i], shuffled[j]] = [shuffled[j]!, shuffled[i]!];
    }
    return shuffled;
  }

  #pair(): DatasetRow['conversations'] {
    const [who, how, town, does] = [this.pick(WHO), this.pick(HOW), this.pick(TOWNS), this.pick(DOES)];
    const question = this.pick([
      `What does the ${how} ${who} of ${town} do?`,
      `Tell me of the ${who} in ${town} who is ${how}.`,
      `Do you know the ${how} ${who} from ${town}?`,
    ]);
    if (this.#asked.has(question)) return this.#pair();
    this.#asked.add(question);
    const things = () => `${this.pick(NUMBERS)} ${this.pick(COLOURS)} ${this.pick(THINGS)}`;
    const where = () => `${this.pick(BY)} the ${this.pick(PLACES)}`;
    const [when, some, likes, good] = [this.pick(WHEN), this.pick(SOME), this.pick(LIKES), this.pick(GOODS)];
    const [then, other, goes] = [this.pick(THEN), this.pick(SOME), this.pick(GO)];
    const first = this.pick([
      () => `The ${who} ${does} ${things()} ${where()} ${when}, since the ${some} ${likes} ${good}.`,
      () => `${capital(where())} the ${who} ${does} ${things()}: his ${some} ${likes} ${good} ${when}.`,
      () => `${capital(when)} she ${does} ${things()} and ${good} ${where()}.`,
      () => `That ${who} ${likes} ${good}, ${does} ${things()} ${when} and ${goes} ${where()}.`,
      () => `A ${some} ${where()} ${likes} ${good}, so this ${who} ${does} ${things()} ${when}.`,
      () => `Nobody ${likes} ${good} as much; our ${who} even ${does} ${things()} ${where()}.`,
    ])();
    const second = this.pick([
      () => `${then} the ${other} ${goes} ${where()}, and ${things()} are left.`,
      () => `My ${other} ${goes} ${where()} with ${things()}.`,
      () => `There are ${things()} ${where()}, where a ${other} ${goes}.`,
      () => `${then} ${things()} fall ${where()} while her ${other} ${goes}.`,
      () => `If your ${other} ${goes}, give him ${things()} ${where()}.`,
      () => `${capital(things())} cost a ${other} ${this.pick(GOODS)}, who ${goes} ${where()}.`,
    ])();
    const answer = `${first} ${second}`;
    return [
      { role: 'user', content: question },
      { role: 'assistant', content: answer },
    ];
  }
}

const capital = (text: string) => `${text[0]!.toUpperCase()}${text.slice(1)}`;
