import { type Command, InvalidArgumentError, Option } from 'commander';

/** Adds which chain and Hub a command asks, named as in the Python original. */
export function networkOptions(command: Command): Command {
  return command
    .hook('preAction', (called) => {
      // A network that was typed wins over an endpoint of the environment.
      const source = (name: string) => called.getOptionValueSource(`subtensor.${name}`);
      if (source('network') === 'cli' && source('chain_endpoint') === 'env')
        called.setOptionValue('subtensor.chain_endpoint', undefined);
    })
    .addOption(
      new Option('--subtensor.network <name>', 'finney, test, archive, local, or a URL')
        .env('BT_SUBTENSOR_NETWORK')
        .default('finney'),
    )
    .addOption(
      new Option(
        '--subtensor.chain_endpoint <urls>',
        'chain endpoint, or several with commas between; wins over the network',
      ).env('BT_SUBTENSOR_CHAIN_ENDPOINT'),
    )
    .addOption(
      new Option('--hf_endpoint <url>', 'Hugging Face Hub').env('HF_ENDPOINT').default('https://huggingface.co'),
    );
}

/** @param description whose wallet it is. */
export function walletName(description: string): Option {
  return new Option('--wallet.name <name>', description).env('BT_WALLET_NAME').default('default');
}

export function walletPath(): Option {
  return new Option('--wallet.path <folder>', 'folder of wallets')
    .env('BT_WALLET_PATH')
    .default('~/.bittensor/wallets/');
}

export function subnetNumber(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new InvalidArgumentError('Expected a subnet number from 0 to 65535.');
}
