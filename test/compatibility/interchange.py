"""Key files and time locks as Python's own libraries write and read them: see answers.py."""
import base64, json
from answers import serve

try:
    import bittensor_core as library
    from bittensor_core import Keypair
except ImportError:
    import bittensor_wallet.keyfile as library
    from bittensor_wallet import Keypair
try:
    import bittensor_drand as locks
except ImportError:
    locks = library

PHRASE = "bottom drive obey lake curtain smoke basket hold race lonely fit walk"
PHRASE_24 = " ".join(["abandon"] * 23 + ["art"])
SEED = bytes([0xE5] * 32)
ED25519 = {"crypto_type": 0}
# Of the oldest wallets, whose encryption was that of Fernet.
FERNET_SALT = b"Iguesscyborgslikemyselfhaveatendencytobeparanoidaboutourorigins"


def knows_ed25519():
    try:
        Keypair.create_from_mnemonic(PHRASE, **ED25519)
        return True
    except TypeError:
        return False


def pairs(exported):
    """A key pair from each secret that a wallet is made of; ed25519 where this release knows it."""
    private_key = json.loads(file_of(Keypair.create_from_uri("//Bob")))["privateKey"]
    of_kind = {
        "phrase": Keypair.create_from_mnemonic(PHRASE),
        "phrase of 24 words": Keypair.create_from_mnemonic(PHRASE_24),
        "new phrase": Keypair.create_from_mnemonic(Keypair.generate_mnemonic()),
        "seed": from_seed(),
        "private key": Keypair.create_from_private_key(private_key),
        "URI": Keypair.create_from_uri("//Alice"),
        "export of polkadot.js": Keypair.create_from_encrypted_json(*exported),
    }
    if not knows_ed25519():
        return of_kind
    return {
        **of_kind,
        "ed25519 phrase": Keypair.create_from_mnemonic(PHRASE, **ED25519),
        "ed25519 seed": from_seed(**ED25519),
        "ed25519 URI": Keypair.create_from_uri("//Alice", **ED25519),
    }


def from_seed(**how):
    try:
        return Keypair.create_from_seed(SEED, **how)
    except TypeError:
        return Keypair.create_from_seed("0x" + SEED.hex(), **how)


def file_of(pair):
    return bytes(library.serialized_keypair_to_keyfile_data(pair))


def told(content, pair):
    return {"file": base64.b64encode(content).decode(), "address": pair.ss58_address}


def keys(exported):
    """The key file of every kind; `exported`: an account of polkadot.js, and its password."""
    return {kind: told(file_of(pair), pair) for kind, pair in pairs(exported).items()}


def public():
    pair = Keypair.create_from_mnemonic(PHRASE)
    return told(file_of(Keypair(ss58_address=pair.ss58_address)), pair)


def sealed(method, password):
    """A key file that is encrypted as wallets of these years do it."""
    pair = Keypair.create_from_mnemonic(PHRASE)
    plain = file_of(pair)
    if method == "NaCl":
        return told(bytes(library.encrypt_keyfile_data(plain, password)), pair)
    if method == "Ansible Vault":
        return told(bytes(library.legacy_encrypt_keyfile_data(plain, password)), pair)
    from cryptography.fernet import Fernet
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

    key = PBKDF2HMAC(hashes.SHA256(), 32, FERNET_SALT, 10_000_000).derive(password.encode())
    return told(Fernet(base64.urlsafe_b64encode(key)).encrypt(plain), pair)


def sign(message):
    """A message in hex, signed with the key of each scheme: [address, signature in hex, scheme]."""
    pairs = [(1, Keypair.create_from_mnemonic(PHRASE))]
    if knows_ed25519():
        pairs.append((0, Keypair.create_from_mnemonic(PHRASE, **ED25519)))
    return [[pair.ss58_address, bytes(pair.sign(bytes.fromhex(message))).hex(), scheme] for scheme, pair in pairs]


def verify(signed):
    """Of each [address, message in hex, signature in hex, scheme]: whether it is signed so."""
    return [
        Keypair(ss58_address=address, **({"crypto_type": 0} if scheme == 0 else {})).verify(
            bytes.fromhex(message), bytes.fromhex(signature)
        )
        for address, message, signature, scheme in signed
    ]


def opened(files):
    """The address of the key in each file, and whether it signs."""
    found = [library.deserialize_keypair_from_keyfile_data(base64.b64decode(file)) for file in files]
    return [[pair.ss58_address, signs(pair)] for pair in found]


def signs(pair):
    try:
        return pair.verify(b"m", pair.sign(b"m"))
    except Exception:
        return False


def lock(round):
    locked, round = locks.encrypt_at_round(b"a message", round)
    return [bytes(locked).hex(), round]


def unlock(locked, signature):
    return bytes(locks.decrypt_with_signature(bytes.fromhex(locked), signature)).decode()


commands = [keys, public, sealed, sign, verify, opened, lock, unlock]
serve({command.__name__: command for command in commands})
