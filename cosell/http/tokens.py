"""What the transport needs to know about tokens, and where they rest between processes."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol


class TokenSource(Protocol):
    """Gives access tokens for one service."""

    async def token(self, *, force: bool = False) -> str:
        """Return an access token; `force` asks for a new one, because the last was refused."""
        ...


class TokenVault(Protocol):
    """Keeps secrets, encrypted, where all processes of this installation find them."""

    async def load(self, name: str) -> bytes | None:
        """Return what was saved under this name last, or None."""
        ...

    async def save(self, name: str, secret: bytes) -> None:
        """Keep a secret in place of the one before."""
        ...

    def lock(self, name: str) -> AbstractAsyncContextManager[None]:
        """Hold the secret for reading and replacing it; others wait."""
        ...
