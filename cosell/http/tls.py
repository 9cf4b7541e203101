"""Whom we trust for HTTPS: what the system trusts, and the certificate authorities the settings name besides."""

import ssl
from pathlib import Path

import httpx

from cosell.errors import SettingsInvalid


def tls_context(ca_bundle: Path | None) -> ssl.SSLContext:
    """Return a context that verifies certificates and names.

    Raises:
        SettingsInvalid: `ca_bundle` is not a readable PEM file.
    """
    context = httpx.create_ssl_context()
    context.load_default_certs()
    if ca_bundle is not None:
        try:
            context.load_verify_locations(cafile=ca_bundle)
        except (OSError, ssl.SSLError):
            raise SettingsInvalid(
                f"COSELL_CA_BUNDLE names {ca_bundle}, which cannot be read as a PEM file of certificates."
            ) from None
    return context
