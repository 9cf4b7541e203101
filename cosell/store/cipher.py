"""The key that encrypts stored tokens, and where it comes from."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from cosell.errors import ConfigurationError
from cosell.settings import Settings

KEY_FILE = "secret.key"


class Cipher:
    """Encrypts and decrypts with one key (Fernet: AES-128-CBC with HMAC-SHA256)."""

    def __init__(self, key: bytes, *, source: str = "the key given") -> None:
        """Take a key; `source` is how error texts call it.

        Raises:
            ConfigurationError: it is no Fernet key.
        """
        self._source = source
        try:
            self._fernet = Fernet(key.strip())
        except ValueError:
            raise ConfigurationError(
                f"{source} is not a key: it has to be 32 bytes in url-safe base64. Put back the right one, or make a "
                "new one and sign in again with `cosell connect partner-center`."
            ) from None

    def __repr__(self) -> str:
        """Say where the key comes from, never what it is."""
        return f"Cipher(source={self._source!r})"

    @classmethod
    def from_settings(cls, settings: Settings) -> "Cipher":
        """Use COSELL_SECRET_KEY, or the key file in the data directory, which is made at first use.

        Raises:
            ConfigurationError: the key is none, or its file cannot be read or made.
        """
        if settings.secret_key is not None:
            return cls(settings.secret_key.get_secret_value().encode(), source="COSELL_SECRET_KEY")
        path = settings.home / KEY_FILE
        try:
            key = _read_or_make(path)
        except OSError as error:
            raise ConfigurationError(
                f"The key file {path} cannot be read or made ({error.strerror or type(error).__name__}). Make "
                "COSELL_HOME a directory that can be written, or set COSELL_SECRET_KEY."
            ) from None
        return cls(key, source=f"the key file {path}")

    def encrypt(self, secret: bytes) -> bytes:
        """Return what may be stored."""
        return self._fernet.encrypt(secret)

    def decrypt(self, stored: bytes) -> bytes:
        """Return what was encrypted.

        Raises:
            ConfigurationError: it was encrypted with another key.
        """
        try:
            return self._fernet.decrypt(stored)
        except InvalidToken:
            raise ConfigurationError(
                f"The stored sign-in cannot be read with {self._source}: it was stored with another key. Put back that "
                "key (COSELL_SECRET_KEY or the key file in COSELL_HOME), or sign in again with "
                "`cosell connect partner-center`."
            ) from None


def _read_or_make(path: Path) -> bytes:
    with suppress(FileNotFoundError):
        return path.read_bytes()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Written whole under another name first (mkstemp: mode 0600), then linked: linking fails when somebody was faster,
    # and nobody ever reads half a key.
    descriptor, name = tempfile.mkstemp(prefix=f".{KEY_FILE}.", dir=path.parent)
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(Fernet.generate_key())
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink()
    return path.read_bytes()
