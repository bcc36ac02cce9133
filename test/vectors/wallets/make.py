"""Makes vectors.json: key files as Bittensor's own wallet, Ansible and Fernet write them. Every key in it is published.

Run: pip install bittensor-wallet==4.1.1 ansible-core cryptography; python3 make.py
"""

import base64
import ctypes
import json
import os

from ansible.constants import DEFAULT_VAULT_ID_MATCH
from ansible.parsing.vault import VaultLib, VaultSecret
from bittensor_wallet import CRYPTO_ED25519, Keyfile, Keypair
from bittensor_wallet.keyfile import encrypt_keyfile_data, serialized_keypair_to_keyfile_data
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

PHRASE = "bottom drive obey lake curtain smoke basket hold race lonely fit walk"
PASSWORD = "pässword 1"
LEGACY_SALT = b"Iguesscyborgslikemyselfhaveatendencytobeparanoidaboutourorigins"


def key_file(keypair):
    """The JSON of a key file; sorted, as the wallet's own order changes from run to run."""
    return json.loads(serialized_keypair_to_keyfile_data(keypair))


def fernet_key():
    kdf = PBKDF2HMAC(algorithm=hashes.SHA256(), length=32, salt=LEGACY_SALT, iterations=10_000_000)
    return kdf.derive(PASSWORD.encode())


def password_variable(path):
    file = Keyfile(path, "hotkey", False)
    file.save_password_to_env(PASSWORD)
    getenv = ctypes.CDLL(None).getenv  # os.environ does not see what the wallet's native code sets
    getenv.restype = ctypes.c_char_p
    name = file.env_var_name()
    return {"file": path, "variable": name, "value": getenv(name.encode()).decode()}


plain = key_file(Keypair.create_from_mnemonic(PHRASE))
text = json.dumps(plain, sort_keys=True).encode()
key = fernet_key()
vectors = {
    "password": PASSWORD,
    "keyFiles": {
        "sr25519 phrase": plain,
        "sr25519 uri //Alice": key_file(Keypair.create_from_uri("//Alice")),
        "ed25519 phrase": key_file(Keypair.create_from_mnemonic(PHRASE, crypto_type=CRYPTO_ED25519)),
        "ed25519 uri //Alice": key_file(Keypair.create_from_uri("//Alice", crypto_type=CRYPTO_ED25519)),
        "public": key_file(Keypair(ss58_address=plain["ss58Address"])),
    },
    # The text of the first key file, encrypted with the password.
    "plaintext": text.decode(),
    "nacl": base64.b64encode(encrypt_keyfile_data(text, PASSWORD)).decode(),
    "ansibleVault": VaultLib([(DEFAULT_VAULT_ID_MATCH, VaultSecret(PASSWORD.encode()))]).encrypt(text).decode(),
    "fernet": Fernet(base64.urlsafe_b64encode(key)).encrypt(text).decode(),
    "fernetKey": key.hex(),
    "passwordVariables": [
        password_variable(path)
        for path in ["/root/.bittensor/wallets/default/coldkey", "/srv/my-wallets/ann/hotkeys/h.1 ä", "wallets/b/hotkeys/c"]
    ],
}
# Not to the standard output, where the wallet writes what it does.
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "vectors.json"), "w") as out:
    out.write(json.dumps(vectors, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
