/** What a file is that is no key file of Bittensor, and how its key becomes one. */
export interface ForeignKeyFile {
  /** What it holds: "an Ethereum keystore". */
  holds: string;
  /** The way in for a hotkey: one clause. */
  wayIn: string;
}

type Json = Record<string, unknown>;

const NEW_HOTKEY = 'make a hotkey with btcli wallet new-hotkey';
const REGEN = 'btcli wallet regen-hotkey';
const BY_PHRASE = `move it elsewhere and make the key file with ${REGEN} --mnemonic, which takes the words`;
const PHRASE_WORDS = [12, 15, 18, 21, 24];

const otherChain = (holds: string): ForeignKeyFile => ({
  holds: `${holds}, whose keys do not sign on Bittensor`,
  wayIn: NEW_HOTKEY,
});

/** What people have in text files, by how it begins. */
const TEXTS: [pattern: RegExp, found: ForeignKeyFile][] = [
  [
    /^(\$NACL|\$ANSIBLE_VAULT|gAAAAA)/,
    { holds: 'an encrypted key where a public one belongs', wayIn: 'exchange the two files' },
  ],
  [
    /^secret (phrase|seed|key)\b/i,
    {
      holds: "what subkey printed, and not a wallet's JSON",
      wayIn: `make the key file with ${REGEN} --mnemonic or --seed, which take the secret phrase or seed in it`,
    },
  ],
  [/^-----BEGIN PGP|^age-encryption/, { holds: 'an encrypted message', wayIn: 'decrypt it and put the key file here' }],
  [/^-----BEGIN/, otherChain('a PEM key, as of SSH or TLS')],
  [/^(ssh-|ecdsa-|sk-ssh-)/, otherChain('a public key of SSH')],
  [/^AGE-SECRET-KEY-/i, otherChain('a key of age')],
  [/^[xyz](prv|pub)\w{100,}$/, otherChain('an extended Bitcoin key')],
  [/^[5KLc][1-9A-HJ-NP-Za-km-z]{50,51}$/, otherChain('a Bitcoin key')],
  [/^<(!doctype|html|\?xml)/i, { holds: 'a web page', wayIn: 'put the key file itself here' }],
];

/**
 * What a content is that is no key file, `null` when it is nothing known. It explains a file that has been found unusable
 * and is never asked about another. What it says quotes nothing of the content.
 */
export function foreignKeyFile(content: Uint8Array): ForeignKeyFile | null {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.length);
  if (bytes.every((byte) => byte === 0)) {
    const holds = bytes.length === 0 ? 'nothing' : 'nothing but zero bytes';
    return {
      holds: `${holds}, as after a full disk or a power cut`,
      wayIn: `restore it from a backup, or from the mnemonic with ${REGEN}`,
    };
  }
  if (bytes.includes(0)) {
    const isText = /^(\xff\xfe|\xfe\xff|[^\0]\0|\0[^\0])/.test(bytes.subarray(0, 2).toString('latin1'));
    return isText
      ? { holds: 'UTF-16 text, as Windows writes it', wayIn: 'save it as UTF-8' }
      : { holds: 'binary data', wayIn: 'put the key file itself here' };
  }
  const text = bytes.toString('utf8').trim();
  return textFound(text) ?? jsonFound(text);
}

function textFound(text: string): ForeignKeyFile | null {
  const known = TEXTS.find(([pattern]) => pattern.test(text));
  if (known) return known[1];
  if (/^(0x)?[0-9a-f]{64}$/i.test(text))
    return {
      holds: '32 bytes of hex, and does not say of which key',
      wayIn: `if they are the secret seed, make the key file with ${REGEN} --seed`,
    };
  if (/^(0x)?[0-9a-f]{128}$/i.test(text))
    return {
      holds: '64 bytes of hex, and does not say of which key',
      wayIn: 'if they are the private key of an sr25519 pair, write {"privateKey": "0x..."} around them',
    };
  // Some are numbered, or have a name in front, as in settings: MNEMONIC="...".
  const words = text
    .replace(/^[\w -]{1,30}[:=]/, '')
    .replace(/\d+[.):]?|["']/g, ' ')
    .trim()
    .split(/[\s,]+/);
  if (isPhrase(words)) return { holds: 'a secret phrase alone', wayIn: BY_PHRASE };
  if (/^([a-z]+\s+){11,}[a-z]+\s*\/\/?\S/i.test(text)) return DERIVED;
  return null;
}

/** English BIP39 words have 3 to 8 letters. */
function isPhrase(words: unknown[]): boolean {
  return PHRASE_WORDS.includes(words.length) && words.every((word) => /^[a-z]{3,8}$/i.test(String(word)));
}

/** A phrase with a path: Bittensor's wallets know phrases only. */
export const DERIVED: ForeignKeyFile = {
  holds: 'a secret phrase with a derivation path, which a wallet of Bittensor does not know',
  wayIn: `import the phrase with its path into polkadot.js, export that account, and make the key file with ${REGEN} --json of btcli before 11`,
};

function jsonFound(text: string): ForeignKeyFile | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return /^\{\s*'/.test(text)
      ? { holds: "Python's notation, not JSON", wayIn: 'put double quotes for the single' }
      : null;
  }
  if (typeof value === 'string') return textFound(value);
  if (Array.isArray(value)) return listFound(value);
  return typeof value === 'object' && value !== null ? objectFound(value as Json) : null;
}

function listFound(list: unknown[]): ForeignKeyFile | null {
  if (list.length >= 32 && list.every((byte) => Number.isInteger(byte))) return otherChain('a key of the Solana CLI');
  if (isPhrase(list)) return { holds: 'the words of a secret phrase', wayIn: BY_PHRASE };
  return null;
}

function objectFound(json: Json): ForeignKeyFile | null {
  const lower = new Set(Object.keys(json).map((key) => key.toLowerCase()));
  if ('encoded' in json && 'encoding' in json) return polkadotExport(json);
  if (lower.has('crypto') && lower.has('version')) return otherChain('an Ethereum keystore');
  if (lower.has('data') && lower.has('iv') && lower.has('salt')) return otherChain("a browser wallet's vault");
  if (lower.has('secretkeyuri') || json.secretSeed === 'n/a') return DERIVED;
  if (lower.has('mnemonic') || lower.has('phrase') || lower.has('seedphrase') || lower.has('seed'))
    return {
      holds: "the JSON of another wallet, with its secret under another key than Bittensor's",
      wayIn: `make the key file with ${REGEN} --mnemonic or --seed, which take what is in it`,
    };
  return null;
}

/** The JSON that polkadot.js and the wallets that follow it export: Talisman, SubWallet, Nova, Bittensor's own apps. */
function polkadotExport(json: Json): ForeignKeyFile {
  const { content } = (json.encoding ?? {}) as { content?: unknown };
  const kinds = Array.isArray(content) ? content : [content];
  const of = 'exported from polkadot.js or a wallet like it';
  if (Array.isArray(json.accounts) || kinds.includes('batch-pkcs8'))
    return {
      holds: `all accounts ${of}`,
      wayIn: `make the key file with ${REGEN} --mnemonic, which takes the secret phrase of the one account`,
    };
  if (kinds.includes('ethereum') || kinds.includes('ecdsa')) return otherChain(`an account of Ethereum's kind ${of}`);
  if (kinds.includes('ed25519'))
    return {
      holds: `an ed25519 account ${of}`,
      wayIn: `make the key file with ${REGEN} --crypto-type ed25519 --mnemonic, which takes its secret phrase`,
    };
  return {
    holds: `an account ${of}`,
    wayIn: `move it elsewhere and make the key file with ${REGEN} --mnemonic, which takes its secret phrase; before btcli 11 there is --json too, which takes the path of the export`,
  };
}
