import { FlockOffError } from '../../errors/flock-off-error.ts';
import { type ExpectedSubnet, type SubnetIdentity, subnetText } from '../../schema/subnet-identity.ts';
import { toBoolean, toField } from '../codec/chain-value.ts';
import { type ChainValue, type Snapshot, type StorageValues, toNullable, toNumber } from '../node/snapshot.ts';

/** The account of 32 zero bytes: what storage says where nobody owns a subnet. */
export const NOBODY = '5C4hrfjw9DjXZTzV3MwzrrAr9P1MJhSrvWGWqi1eSuyUpnhM';
/** Where runtimes keep what owners say of their subnets, the latest first. */
const IDENTITIES = ['subnetIdentitiesV3', 'subnetIdentitiesV2', 'subnetIdentities'];
const NAME_LETTERS = 64;

/** What storage has of whose a subnet is; `null` for what this runtime has not. */
export function identityReads(snapshot: Snapshot, netuid: number) {
  const read = (item: string) => snapshot.optional([`subtensorModule.${item}`, netuid]);
  const identity = IDENTITIES.map(read).find((one) => one !== null) ?? null;
  return {
    exists: snapshot.forSubnet('subtensorModule.networksAdded', netuid),
    registeredAt: read('networkRegisteredAt'),
    owner: read('subnetOwner'),
    identity,
  };
}

/**
 * Whose subnet it is, from what {@link identityReads} asked for.
 * @throws FlockOffError `bad-argument` when there is no such subnet.
 */
export function identityOf(
  netuid: number,
  genesisHash: string,
  { exists, registeredAt, owner, identity }: StorageValues<ReturnType<typeof identityReads>>,
): SubnetIdentity {
  if (!toBoolean(exists)) throw noSuchSubnet(netuid);
  const ownedBy = owner && String(owner);
  return {
    netuid,
    genesisHash,
    registrationBlock: registeredAt && toNumber(registeredAt),
    owner: ownedBy === NOBODY ? null : ownedBy,
    name: identity && nameOf(identity),
  };
}

export interface RequireSubnetParameters {
  seen: SubnetIdentity;
  /** Default: whatever the number names. */
  expected?: ExpectedSubnet;
}

/**
 * Refuses a subnet that is not the one that is meant: another project has its number by now, or this is another network.
 * @throws FlockOffError `wrong-subnet`.
 * @example
 * const { identity } = await metadata.readSubnet();
 * requireSubnet({ seen: identity, expected: { registrationBlock: 5_000_000 } });
 */
export function requireSubnet({ seen, expected = {} }: RequireSubnetParameters): void {
  const { genesisHash, registrationBlock } = expected;
  if (genesisHash !== undefined && genesisHash !== seen.genesisHash)
    throw wrongSubnet(seen, expected, `this network began with block ${seen.genesisHash}, expected ${genesisHash}`);
  if (registrationBlock !== undefined && registrationBlock !== seen.registrationBlock)
    throw wrongSubnet(
      seen,
      expected,
      `${subnetText(seen)} is not the one that is meant, which was registered in block ${registrationBlock}`,
    );
}

function wrongSubnet(seen: SubnetIdentity, expected: ExpectedSubnet, what: string): FlockOffError {
  return new FlockOffError({
    code: 'wrong-subnet',
    what,
    fix: "check --subtensor.network and --netuid with whoever runs the competition: the number may be another project's by now, and nothing was written",
    facts: {
      netuid: seen.netuid,
      seenGenesisHash: seen.genesisHash,
      seenRegistrationBlock: seen.registrationBlock,
      expectedGenesisHash: expected.genesisHash,
      expectedRegistrationBlock: expected.registrationBlock,
    },
  });
}

export function noSuchSubnet(netuid: number): FlockOffError {
  return new FlockOffError({
    code: 'bad-argument',
    what: `the chain has no subnet ${netuid}`,
    fix: 'check --netuid and --subtensor.network',
    facts: { netuid },
  });
}

/** Bytes of the owner's choice: shown as text of one line, cut after 64 letters. */
function nameOf(identity: ChainValue): string | null {
  const value = toNullable(identity);
  if (!value) return null;
  const text = new TextDecoder().decode(toField(value, 'subnetName').toU8a(true));
  const line = text.replace(/[\p{C}\p{Z}]+/gu, ' ').trim();
  return line === '' ? null : Array.from(line).slice(0, NAME_LETTERS).join('');
}
