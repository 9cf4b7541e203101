"""Whom we trust for HTTPS: what the system trusts, and the certificate authorities the settings name besides."""

import ssl
from functools import lru_cache
from pathlib import Path

import httpx

from cosell.errors import SettingsInvalid


def tls_context(ca_bundle: Path | None) -> ssl.SSLContext:
    """Return a context that verifies certificates and names.

    Raises:
        SettingsInvalid: `ca_bundle` is not a readable PEM file.
    """
    try:
        return _load(ca_bundle, ca_bundle.stat().st_mtime_ns if ca_bundle else 0)
    except (OSError, ssl.SSLError):
        raise SettingsInvalid(
            f"COSELL_CA_BUNDLE names {ca_bundle}, which cannot be read as a PEM file of certificates."
        ) from None


@lru_cache(maxsize=4)
def _load(ca_bundle: Path | None, _changed_at: int) -> ssl.SSLContext:
    """Read the roots, which takes longer than a request; a bundle that was replaced is read again."""
    paths = ssl.get_default_verify_paths()
    has_system_roots = bool(paths.cafile or paths.capath)
    context = ssl.create_default_context() if has_system_roots else httpx.create_ssl_context()
    if ca_bundle is not None:
        context.load_verify_locations(cafile=ca_bundle)
    return context
