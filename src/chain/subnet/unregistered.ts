import { FlockOffError } from '../../errors/flock-off-error.ts';

/** The sentence for a hotkey that is not on the subnet. */
export function unregistered(address: string, netuid: number): FlockOffError {
  return new FlockOffError({
    code: 'unregistered',
    what: `the hotkey ${address} is not registered on subnet ${netuid}`,
    fix: `register it first: btcli subnet register --netuid ${netuid}`,
    facts: { hotkey: address, netuid },
  });
}
