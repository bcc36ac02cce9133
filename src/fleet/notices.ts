import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { signBytes } from '../chain/wallet/signed-bytes.ts';
import { abortable } from '../shared/abortable.ts';
import { canonicalJson } from '../shared/canonical-json.ts';
import { PACKAGE_VERSION } from '../shared/own-package.ts';
import type { EvaluateBaseParameters } from '../validator/scorer.ts';
import type { Asking } from './asking.ts';
import { Board } from './board.ts';
import type { FleetParameters } from './fleet-parameters.ts';
import { ABOUT, boardName, DIRECTORY, evaluationBoardName, evaluationNote, queueName } from './names.ts';
import type { QueueServer } from './queue-server.ts';
import { readAbout } from './read-about.ts';
import { type About, FORMAT, type Task, textToSign } from './wire.ts';

/** More than the evaluation sets of a queue at any time. */
const MOST_EVALUATIONS = 100;

/** What a validator says to all workers: what the queue is about, and the evaluation set that tasks name now. */
export class Notices {
  readonly board: Board;
  readonly #parameters: FleetParameters;
  readonly #asking: Asking;
  readonly #name: string;
  readonly #directory: Board;
  readonly #evaluationBoard: Board;
  /** The evaluation set on its way to the board. */
  #evaluation: { sha256: string; put: Promise<Task['evaluation']> } | null = null;
  /** As it stands on the board, so that it can be put there again. */
  #evaluationNote: { name: string; note: object } | null = null;
  /** What was said last, as it stands on both boards. */
  #said: { about: About; signature: string } | null = null;
  #serial = 0;

  constructor(
    parameters: FleetParameters,
    { server, name, asking }: { server: QueueServer; name: string; asking: Asking },
  ) {
    this.#parameters = parameters;
    this.#asking = asking;
    this.#name = name;
    this.board = new Board(server, boardName(name));
    this.#directory = new Board(server, DIRECTORY);
    this.#evaluationBoard = new Board(server, evaluationBoardName(name));
  }

  /** Says what the queue is about. */
  async say(changing: Pick<About, 'workers' | 'chosen'>): Promise<void> {
    const { hotkey, genesisHash, netuid, competition, base } = this.#parameters;
    // By the clock, so that it grows over restarts; and where the clock goes back, after what was seen.
    this.#serial = Math.max(Date.now(), this.#serial + 1);
    const about: About = {
      ...{ format: FORMAT, packageVersion: PACKAGE_VERSION, genesisHash, hotkey: hotkey.address, netuid },
      ...{ competition: competition.id, base, recipe: competition.recipe, serial: this.#serial, ...changing },
    };
    const signature = Buffer.from(await signBytes({ hotkey, bytes: textToSign('about', about) })).toString('hex');
    // Another may have been said meanwhile.
    if (this.#said === null || this.#said.about.serial < about.serial) this.#said = { about, signature };
    for (const [board, name] of this.#places) await board.put(name, this.#said);
  }

  /** What this validator said last before this process, as far as it stands there. */
  async said(): Promise<About | null> {
    const { address } = this.#parameters.hotkey;
    let last: About | null = null;
    for (const [board, name] of this.#places) {
      const about = await readAbout(await board.get(name), address);
      if (about !== null && queueName(about) === this.#name && about.serial > (last?.serial ?? 0)) last = about;
    }
    this.#serial = Math.max(this.#serial, last?.serial ?? 0);
    return last;
  }

  /** Where it stands: for those that work on this queue, and for those that look for one. */
  get #places(): [Board, string][] {
    return [
      [this.board, ABOUT],
      [this.#directory, this.#name],
    ];
  }

  /** Puts the evaluation set where workers find it, once. */
  async evaluationOf(
    evaluation: EvaluateBaseParameters['evaluation'],
    signal?: AbortSignal,
  ): Promise<Task['evaluation']> {
    const { sha256 } = evaluation;
    if (this.#evaluation?.sha256 !== sha256) {
      const now = { sha256, put: this.#putEvaluation(evaluation) };
      this.#evaluation = now;
      now.put.catch(() => {
        if (this.#evaluation === now) this.#evaluation = null;
      });
    }
    const { put } = this.#evaluation!;
    return await (signal ? abortable(put, signal) : put);
  }

  async #putEvaluation({ rows, sha256 }: EvaluateBaseParameters['evaluation']): Promise<Task['evaluation']> {
    const text = JSON.stringify(rows);
    const textSha256 = createHash('sha256').update(text).digest('hex');
    const name = evaluationNote(textSha256);
    const note = { gzip: (await promisify(gzip)(text)).toString('base64') };
    this.#evaluationNote = { name, note };
    const board = this.#evaluationBoard;
    await this.#asking.surely(() => board.put(name, note));
    // Tasks of the earlier ones are over.
    for (const other of (await this.#asking.surely(() => board.list({ most: MOST_EVALUATIONS }))).keys())
      if (other !== name) await this.#asking.surely(() => board.remove(other));
    return { sha256, rows: rows.length, textSha256 };
  }

  /** Puts back what a Redis that began anew has forgotten, or somebody else has put in its place. */
  async renew(signal: AbortSignal): Promise<void> {
    for (const [board, name] of this.#places) {
      const there = await abortable(board.get(name), signal);
      if (this.#said !== null && canonicalJson(there) !== canonicalJson(this.#said))
        await abortable(board.put(name, this.#said), signal);
    }
    await this.renewEvaluation(signal);
  }

  async renewEvaluation(signal: AbortSignal): Promise<void> {
    if (this.#evaluationNote === null) return;
    const { name } = this.#evaluationNote;
    if (!(await abortable(this.#evaluationBoard.has(name), signal))) await this.replaceEvaluation(signal);
  }

  /** The same whatever stands there: it is long, and read by workers only. */
  async replaceEvaluation(signal: AbortSignal): Promise<void> {
    if (this.#evaluationNote === null) return;
    const { name, note } = this.#evaluationNote;
    await abortable(this.#evaluationBoard.put(name, note), signal);
  }
}
