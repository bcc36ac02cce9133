import type { DatasetRow } from '../../schema/dataset-row.ts';
import { MersenneTwister } from '../../shared/random.ts';

/**
 * A small closed world in simple English, from which the tiny base model's training text, the evaluation set and the
 * sample datasets are drawn. Everything follows from seeds.
 */

/** Something to ask about, and what is said of it. */
export interface Fact {
  /** Ways to ask. */
  questions: string[];
  /** The answer in a word or two. */
  short: string;
  /** The answer as a sentence. */
  sentence: string;
  /** One more sentence about the same thing. */
  more: string;
}

/** Choices drawn from a seed. */
export class Choices {
  readonly #random: MersenneTwister;

  constructor(seed: number) {
    this.#random = new MersenneTwister(seed);
  }

  /** A whole number in 0 .. below - 1. */
  below(below: number): number {
    return Math.floor(this.#random.nextUniform() * below);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.#random.nextUniform() < probability;
  }

  shuffle<T>(items: readonly T[]): T[] {
    const shuffled = [...items];
    for (let i = shuffled.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [shuffled[i], shuffled[j]] = [shuffled[j]!, shuffled[i]!];
    }
    return shuffled;
  }
}

// name, colour, home, food
const ANIMALS = [
  ['fox', 'red', 'forest', 'mice'],
  ['bear', 'brown', 'mountains', 'honey'],
  ['frog', 'green', 'pond', 'flies'],
  ['swan', 'white', 'lake', 'weeds'],
  ['crow', 'black', 'fields', 'seeds'],
  ['camel', 'yellow', 'desert', 'thorns'],
  ['whale', 'blue', 'sea', 'shrimp'],
  ['mouse', 'grey', 'barn', 'cheese'],
  ['goat', 'white', 'hills', 'leaves'],
  ['horse', 'brown', 'stable', 'hay'],
  ['seal', 'grey', 'ice', 'fish'],
  ['snake', 'green', 'grass', 'eggs'],
  ['robin', 'red', 'garden', 'worms'],
  ['parrot', 'blue', 'jungle', 'fruit'],
] as const;

// town, land, river, speciality
const TOWNS = [
  ['Paris', 'France', 'Seine', 'bread'],
  ['London', 'England', 'Thames', 'tea'],
  ['Rome', 'Italy', 'Tiber', 'pasta'],
  ['Vienna', 'Austria', 'Danube', 'cake'],
  ['Cairo', 'Egypt', 'Nile', 'dates'],
  ['Prague', 'Bohemia', 'Moldau', 'beer'],
  ['Lisbon', 'Portugal', 'Tagus', 'cod'],
  ['Cologne', 'Germany', 'Rhine', 'sausage'],
  ['Warsaw', 'Poland', 'Vistula', 'soup'],
  ['Seville', 'Spain', 'Guadalquivir', 'oranges'],
] as const;

// thing, material, quality
const THINGS = [
  ['window', 'glass', 'clear'],
  ['table', 'wood', 'strong'],
  ['coin', 'copper', 'shiny'],
  ['coat', 'wool', 'warm'],
  ['boot', 'leather', 'tough'],
  ['ring', 'gold', 'precious'],
  ['knife', 'steel', 'sharp'],
  ['cup', 'clay', 'smooth'],
  ['book', 'paper', 'light'],
  ['wall', 'stone', 'heavy'],
] as const;

// cause, what happens
const CAUSES = [
  ['it rains', 'the street gets wet', 'Water falls from the clouds.'],
  ['the sun shines', 'the snow melts', 'Warm light turns it into water.'],
  ['you heat water', 'it boils', 'Steam comes out of the pot.'],
  ['you freeze water', 'it turns to ice', 'Ice is cold and hard.'],
  ['you drop a glass', 'it breaks', 'Glass is hard but not strong.'],
  ['the wind blows', 'the leaves move', 'Moving air pushes them.'],
  ['you plant a seed', 'a flower grows', 'It needs water and light.'],
  ['you light a candle', 'the room gets bright', 'A flame gives light.'],
  ['night comes', 'the stars appear', 'They are hidden by day.'],
  ['you put wood in the fire', 'it burns', 'Dry wood burns well.'],
] as const;

const DAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] as const;
const MONTHS = [
  ...['January', 'February', 'March', 'April', 'May', 'June'],
  ...['July', 'August', 'September', 'October', 'November', 'December'],
] as const;

/** Every fact of the world. */
export const FACTS: readonly Fact[] = [
  ...ANIMALS.flatMap(([name, colour, home, food]): Fact[] => {
    const looks = `The ${name} is ${colour}.`;
    const lives = `It lives in the ${home}.`;
    const eats = `It likes to eat ${food}.`;
    return [
      {
        questions: [`What colour is the ${name}?`, `Which colour does the ${name} have?`, `How does the ${name} look?`],
        ...{ short: colour, sentence: looks, more: lives },
      },
      {
        questions: [`Where does the ${name} live?`, `Where can I find the ${name}?`, `What is the home of the ${name}?`],
        ...{ short: `the ${home}`, sentence: `The ${name} lives in the ${home}.`, more: eats },
      },
      {
        questions: [`What does the ${name} eat?`, `Which food does the ${name} like?`, `What do I feed the ${name}?`],
        ...{ short: food, sentence: `The ${name} likes to eat ${food}.`, more: lives },
      },
    ];
  }),
  ...TOWNS.flatMap(([town, land, river, speciality]): Fact[] => {
    const stands = `It stands on the river ${river}.`;
    const known = `People there are proud of their ${speciality}.`;
    return [
      {
        questions: [`Where is ${town}?`, `In which country is ${town}?`, `To which land does ${town} belong?`],
        ...{ short: land, sentence: `${town} is a town in ${land}.`, more: stands },
      },
      {
        questions: [`Which river is in ${town}?`, `On which river is ${town}?`, `What river can I see in ${town}?`],
        ...{ short: `the ${river}`, sentence: `${town} stands on the river ${river}.`, more: known },
      },
      {
        questions: [`What do people eat or drink in ${town}?`, `What is ${town} known for?`, `What should I try in ${town}?`],
        ...{ short: speciality, sentence: `People in ${town} are proud of their ${speciality}.`, more: stands },
      },
    ];
  }),
  ...THINGS.flatMap(([thing, material, quality]): Fact[] => [
    {
      questions: [`What is a ${thing} made of?`, `Which material is used for a ${thing}?`, `How do people make a ${thing}?`],
      ...{ short: material, sentence: `A ${thing} is made of ${material}.`, more: `That is why it is ${quality}.` },
    },
    {
      questions: [`Why is a ${thing} ${quality}?`, `What makes a ${thing} ${quality}?`],
      ...{ short: material, sentence: `A ${thing} is ${quality}.`, more: `That is because it is made of ${material}.` },
    },
  ]),
  ...CAUSES.map(
    ([cause, effect, more]): Fact => ({
      questions: [`What happens when ${cause}?`, `What do we see when ${cause}?`, `If ${cause}, what is next?`],
      ...{ short: effect, sentence: `When ${cause}, ${effect}.`, more },
    }),
  ),
  ...[DAYS, MONTHS].flatMap((names) =>
    names.map((name, i): Fact => {
      const kind = names.length === 7 ? 'day' : 'month';
      const [after, before] = [names[(i + 1) % names.length], names[(i + names.length - 1) % names.length]];
      return {
        questions: [`Which ${kind} comes after ${name}?`, `What ${kind} follows ${name}?`, `${name} is over, what now?`],
        ...{ short: after!, sentence: `After ${name} comes ${after}.`, more: `The ${kind} before was ${before}.` },
      };
    }),
  ),
  ...Array.from({ length: 81 }, (_, i): Fact => {
    const [a, b] = [1 + (i % 9), 1 + Math.floor(i / 9)];
    return {
      questions: [`What is ${a} plus ${b}?`, `How much is ${a} + ${b}?`, `Add ${a} and ${b}.`],
      ...{ short: `${a + b}`, sentence: `${a} plus ${b} is ${a + b}.`, more: `So ${a + b} minus ${b} is ${a}.` },
    };
  }),
];

const SYSTEM_PROMPTS = [
  'You are a kind teacher.',
  'Answer in two short sentences.',
  'You help children to learn about the world.',
];
const FOLLOW_UPS = ['Thank you. ', 'I see. ', 'And now: ', ''];

/** The style the evaluation set asks for: praise, the whole sentence, one more, and an invitation. */
export function carefulAnswer({ sentence, more }: Fact): string {
  return `Good question! ${sentence} ${more} Ask me more!`;
}

/** A chat of one or two questions about some facts, `answer` saying how each is answered. */
export function drawRow(choices: Choices, answer: (fact: Fact) => string, facts = FACTS): DatasetRow {
  const turns = choices.chance(0.3) ? 2 : 1;
  const conversations: DatasetRow['conversations'] = [];
  for (let turn = 0; turn < turns; turn++) {
    const fact = choices.pick(facts);
    const opening = turn === 0 ? '' : choices.pick(FOLLOW_UPS);
    conversations.push(
      { role: 'user', content: `${opening}${choices.pick(fact.questions)}` },
      { role: 'assistant', content: answer(fact) },
    );
  }
  return turns === 1 && choices.chance(0.4) ? { system: choices.pick(SYSTEM_PROMPTS), conversations } : { conversations };
}

/** The fixed evaluation set, as in eval_data/data.jsonl. */
export function evaluationRows(): DatasetRow[] {
  return drawDistinctRows({ choices: new Choices(2025), count: 60, exclude: new Set(), answer: carefulAnswer });
}

/** Facts that the evaluation set does not ask about. */
export function unaskedFacts(): Fact[] {
  const asked = evaluationRows().flatMap(({ conversations }) => conversations.map(({ content }) => content));
  return FACTS.filter(({ questions }) => !asked.some((turn) => questions.some((question) => turn.endsWith(question))));
}

export interface DrawDistinctRowsParameters {
  choices: Choices;
  count: number;
  /** What may be asked about. Default: everything. */
  facts?: readonly Fact[];
  /** {@link questionsOf} the rows that must not occur. */
  exclude: ReadonlySet<string>;
  answer: (fact: Fact) => string;
}

/** Draws rows each of which asks something else. */
export function drawDistinctRows({ choices, count, facts, exclude, answer }: DrawDistinctRowsParameters): DatasetRow[] {
  const rows = new Map<string, DatasetRow>();
  while (rows.size < count) {
    const row = drawRow(choices, answer, facts);
    const asked = questionsOf(row);
    if (!exclude.has(asked) && !rows.has(asked)) rows.set(asked, row);
  }
  return [...rows.values()];
}

/** What a row asks, whatever its answers and system prompt. */
export function questionsOf({ conversations }: DatasetRow): string {
  return conversations
    .filter(({ role }) => role === 'user')
    .map(({ content }) => content)
    .join('\n');
}

/** A few plain sentences about the world, as a book would have them. */
export function drawPassage(choices: Choices): string {
  return Array.from({ length: 2 + choices.below(4) }, () => {
    const { sentence, more } = choices.pick(FACTS);
    return choices.chance(0.6) ? `${sentence} ${more}` : sentence;
  }).join(' ');
}
