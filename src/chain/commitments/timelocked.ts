import { FlockOffError } from '../../errors/flock-off-error.ts';
import type { HotkeyChain } from '../chain.ts';
import { toField, toTuple } from '../codec/chain-value.ts';
import { polkadotCrypto } from '../codec/polkadot.ts';
import { type Snapshot, toItems, toNullable, toNumber } from '../node/snapshot.ts';
import type { DrandBeacon } from '../timelock/drand.ts';
import { readTimelockTerms, requireBeacon, roundForBlock, timelockReads } from '../timelock/terms.ts';
import { type BuildCall, callOn, type Inclusion } from '../transaction/submit.ts';
import type { HotkeySigner } from '../wallet/hotkey.ts';
import { type CommitmentWait, sendCommitment } from './send-commitment.ts';

export interface CommitTimelockedParameters extends CommitmentWait {
  subtensor: HotkeyChain;
  netuid: number;
  hotkey: HotkeySigner;
  /** At most 778 bytes of UTF-8. */
  text: string;
  /** The chain shows the text in about this block. */
  revealAtBlock: number;
  /** For chains that follow another drand beacon than quicknet, such as a local one. */
  beacon?: DrandBeacon;
}

export interface CommitTimelockedReturnType extends Inclusion {
  /** The drand round that opens it. */
  round: number;
}

export interface ReadRevealedCommitmentsParameters {
  subtensor: Pick<HotkeyChain, 'read'>;
  netuid: number;
  /** ss58 address. */
  hotkey: string;
  signal?: AbortSignal;
}

/** A time-locked commitment that the chain has opened. */
export interface RevealedCommitment {
  /** `null` when it holds no text: no UTF-8, or control characters other than tabs and line breaks. */
  text: string | null;
  /** Block it was opened in. */
  block: number;
}

/** What the Commitments pallet takes of ciphertext. */
const MOST_ENCRYPTED_BYTES = 1024;

/**
 * Commits a text that nobody can read before a block to come: the chain opens it by itself and keeps it among the
 * hotkey's revealed commitments. It takes the place of whatever the hotkey has committed on this subnet, a pointer too.
 * Where the bytes of this epoch are used up, it waits for the next one, like `ChainMetadataStore.commit`.
 * @throws FlockOffError `bad-argument` for too long a text or another beacon than the chain's; `chain-rejected` where the
 *   runtime has no time-locked commitments, no epoch will have room for it, it is too early and `wait` is false, or for the
 *   chain's own reason; `chain-unreachable` or `timeout`.
 * @example
 * const { round } = await commitTimelocked({ subtensor, netuid, hotkey, text: 'not yet', revealAtBlock: block + 100 });
 * console.log(`opens with round ${round}`);
 */
export async function commitTimelocked(parameters: CommitTimelockedParameters): Promise<CommitTimelockedReturnType> {
  const { subtensor, netuid, hotkey, signal, wait, onWait } = parameters;
  let locked = await lock(parameters);
  const inclusion = await sendCommitment({
    ...{ subtensor, netuid, hotkey, signal, wait, onWait },
    bytes: locked.bytes,
    make: async () => {
      // The round may have come out while room was waited for.
      locked = await lock(parameters);
      return { call: callOf(parameters, locked), landed: landedAs(parameters, locked) };
    },
  });
  return { ...inclusion, round: locked.round };
}

interface Locked {
  /** `0x` hex. */
  encrypted: string;
  bytes: number;
  round: number;
}

/** Encrypts the text for the round that is out at the block it is to be revealed at. */
async function lock({ subtensor, text, revealAtBlock, beacon, signal }: CommitTimelockedParameters): Promise<Locked> {
  const [{ encryptTimelocked }, { compactToU8a, u8aConcat, u8aToHex }] = await Promise.all([
    import('../timelock/encrypt.ts'),
    polkadotCrypto(),
  ]);
  const terms = await subtensor.read({ what: 'reading the drand beacon', use: readTerms, signal });
  const trusted = requireBeacon(terms, beacon);
  const round = roundForBlock(terms, trusted, revealAtBlock);
  const plain = new TextEncoder().encode(text);
  const message = u8aConcat(compactToU8a(plain.length), plain);
  const encrypted = encryptTimelocked({ message, round, publicKey: trusted.publicKey });
  if (encrypted.length > MOST_ENCRYPTED_BYTES) throw tooLong(plain.length, encrypted.length);
  return { encrypted: u8aToHex(encrypted), bytes: encrypted.length, round };
}

function callOf({ netuid }: CommitTimelockedParameters, { encrypted, round }: Locked): BuildCall {
  // Bytes are passed as hex: the API takes a Uint8Array for bytes that are encoded already.
  const fields = [{ TimelockEncrypted: { encrypted, reveal_round: round } }];
  return (tx) => callOn(tx, 'commitments', 'setCommitment')(netuid, { fields });
}

function landedAs({ netuid, hotkey }: CommitTimelockedParameters, { encrypted }: Locked) {
  return async (snapshot: Snapshot): Promise<Inclusion | null> => {
    const stored = toNullable(await snapshot.get('commitments.commitmentOf', netuid, hotkey.address));
    if (!stored) return null;
    const fields = toItems(toField(toField(stored, 'info'), 'fields'));
    const found = fields.some((field) => field.toHex().includes(encrypted.slice(2)));
    return found ? { block: toNumber(toField(stored, 'block')), blockHash: null } : null;
  };
}

/**
 * The time-locked commitments of a hotkey that the chain has opened, oldest first; it keeps the newest ten. Texts are read
 * with their length before them, as this SDK and `bittensor` 10 lock them, and without, as `bittensor` 11 does; of the
 * latter one such as "(1 2 3 4 5)", whose first character happens to be the length of the rest, loses that character.
 * @example
 * for (const { text, block } of await readRevealedCommitments({ subtensor, netuid, hotkey: hotkey.address }))
 *   console.log(block, text);
 */
export async function readRevealedCommitments(
  parameters: ReadRevealedCommitmentsParameters,
): Promise<RevealedCommitment[]> {
  const { subtensor, netuid, hotkey, signal } = parameters;
  const { compactFromU8a } = await polkadotCrypto();
  const read = async (snapshot: Snapshot) => {
    if (!snapshot.has(REVEALED)) return [];
    const stored = toNullable(await snapshot.get(REVEALED, netuid, hotkey));
    return stored ? toItems(stored).map((entry) => toTuple(entry, ['text', 'block'])) : [];
  };
  const entries = await subtensor.read({ what: 'reading the revealed commitments', use: read, signal });
  return entries.map(({ text, block }) => ({
    text: textOf(text.toU8a(true), compactFromU8a),
    block: toNumber(block),
  }));
}

const REVEALED = 'commitments.revealedCommitments';
type CompactFromU8a = (bytes: Uint8Array) => [offset: number, value: { toNumber(): number }];
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** What no text has; a terminal would obey some of them. */
const CONTROL = /(?![\t\n\r])\p{Cc}/u;

/**
 * What was locked is a SCALE string: its length, then UTF-8. `bittensor` 11's `timelock.encrypt` locks the UTF-8 alone,
 * and nothing tells one from the other: a text without a length is read without its first character where that is, as a
 * byte, the length of the rest, such as "(" before ten others.
 */
function textOf(bytes: Uint8Array, compactFromU8a: CompactFromU8a): string | null {
  try {
    const text = utf8.decode(bytes.subarray(lengthOf(bytes, compactFromU8a)));
    return CONTROL.test(text) ? null : text;
  } catch {
    return null;
  }
}

/** Bytes that the length of a SCALE string takes; 0 where it is none. */
function lengthOf(bytes: Uint8Array, compactFromU8a: CompactFromU8a): number {
  try {
    const [offset, length] = compactFromU8a(bytes);
    return length.toNumber() === bytes.length - offset ? offset : 0;
  } catch {
    return 0;
  }
}

async function readTerms(snapshot: Snapshot) {
  const terms = snapshot.has(REVEALED)
    ? readTimelockTerms(snapshot, await snapshot.read(timelockReads(snapshot)))
    : null;
  if (terms) return terms;
  throw new FlockOffError({
    code: 'chain-rejected',
    what: 'this chain opens no time-locked commitments',
    fix: 'commit the text as it is, or use a network with a newer runtime',
  });
}

function tooLong(bytes: number, encryptedBytes: number): FlockOffError {
  return new FlockOffError({
    code: 'bad-argument',
    what: `a time-locked commitment may have ${MOST_ENCRYPTED_BYTES} bytes, saw a text of ${bytes} that makes ${encryptedBytes}`,
    fix: 'shorten the text',
    facts: { name: 'encryptedBytes', value: encryptedBytes, most: MOST_ENCRYPTED_BYTES },
  });
}
