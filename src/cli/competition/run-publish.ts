import { openColdkey } from '../../chain/wallet/coldkey.ts';
import { decodeWalletPassword } from '../../chain/wallet/password.ts';
import type { BytesSigner } from '../../chain/wallet/signed-bytes.ts';
import { competitionLines } from '../../competition/competition-text.ts';
import { type DraftFolder, readDraftFolder } from '../../competition/draft-folder.ts';
import { competitionTextToSign, publishFoundedCompetition } from '../../competition/publish-competition.ts';
import { referenceText } from '../../competition/reference.ts';
import { HubCompetitionStore } from '../../hub/competition-store.ts';
import { policyRemark } from './policy-remark.ts';
import { hubAccess, runCommand, type ServiceFlags, say, withChain } from './services.ts';
import { SignedElsewhere } from './signed-elsewhere.ts';
import { signerRemark } from './signer-remark.ts';

export interface PublishFlags extends ServiceFlags {
  folder: string;
  repo: string;
  to_sign: boolean;
  signature?: string;
  'wallet.name': string;
  'wallet.path': string;
}

/** Signs and publishes a draft; sets the exit code and never throws. */
export async function runPublish(flags: PublishFlags): Promise<void> {
  await runCommand(async (signal) => {
    const drafted = await readDraftFolder({ folder: flags.folder, signal });
    if (drafted.isOtherSet)
      say(
        `data.jsonl is another one than when the draft was made; its ${drafted.draft.evaluation.rows} rows are published`,
      );
    if (flags.to_sign) await printTextToSign(drafted, flags, signal);
    else await publish(drafted, flags, signal);
  });
}

/** Prints what the owner has to sign, and remembers for which block. */
async function printTextToSign(drafted: DraftFolder, flags: PublishFlags, signal: AbortSignal): Promise<void> {
  const toSign = await withChain(flags, signal, (subtensor) => competitionTextToSign({ drafted, subtensor, signal }));
  await new SignedElsewhere(flags.folder).remember(toSign);
  say(
    `to be signed with the coldkey of ${toSign.address}, which owns the subnet at block ${toSign.block}:`,
    toSign.text,
    'then run this with --signature and what the wallet printed, in place of --to_sign',
  );
}

async function publish(drafted: DraftFolder, flags: PublishFlags, signal: AbortSignal): Promise<void> {
  const elsewhere = new SignedElsewhere(flags.folder);
  const signed: { owner: BytesSigner; ownerBlock?: number } =
    flags.signature === undefined ? { owner: await openOwner(flags) } : await elsewhere.open(flags.signature);
  const competitions = new HubCompetitionStore(hubAccess(flags));
  const { founded, remarks } = await withChain(flags, signal, async (subtensor) => {
    const publishing = { drafted, repo: flags.repo, subtensor, competitions, ...signed, signal };
    const founded = await publishFoundedCompetition(publishing);
    return { founded, remarks: await signerRemark(founded, subtensor, signal) };
  });
  await elsewhere.forget();
  say(...competitionLines(founded), ...policyRemark(founded.competition), ...remarks);
  say('', `published. Miners and validators name it with: --competition ${referenceText(founded.reference)}`);
}

function openOwner(flags: PublishFlags): Promise<BytesSigner> {
  return openColdkey({
    ...{ path: flags['wallet.path'], name: flags['wallet.name'], logger: console },
    password: async ({ variable, attempt }) => {
      const value = process.env[variable];
      return value && attempt === 1 ? decodeWalletPassword({ value, variable }) : null;
    },
  });
}
