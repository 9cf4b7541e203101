"""Keeps the tests on this machine: an audit hook which refuses every connection and name look-up but loopback ones.

An audit hook sees what a patched function would miss (any library, any thread) and needs no mocking. It cannot be
removed again, which is why there is one for the whole run. Programs which a test starts are not covered.
"""

import ipaddress
import sys
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

LOOPBACK_NAMES = frozenset({"", "localhost", "localhost.localdomain", "ip6-localhost"})
LIVE_SERVICES = (
    ("COSELL_AUTHORITY", "https://login.microsoftonline.com"),
    ("COSELL_DATAVERSE__URL", ""),
    ("COSELL_PARTNER_CENTER__API_URL", "https://api.partner.microsoft.com"),
    ("COSELL_PARTNER_CENTER__WEBHOOK_API_URL", "https://api.partnercenter.microsoft.com"),
)
_EVENTS_WITH_ADDRESS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})


class NetworkBlocked(RuntimeError):
    """A test tried to reach beyond this machine. Not an OSError: no client may take it for a broken connection."""


class NetworkGuard:
    """Refuses what leaves this machine and remembers what was tried."""

    def __init__(self) -> None:
        """Start with nothing tried."""
        self.attempts: list[str] = []
        self._allowed: frozenset[str] = frozenset()

    def allow(self, hosts: Iterable[str]) -> None:
        """Let a live run look these names up; an address that was not looked up by name it may reach then, too."""
        self._allowed = frozenset(host.lower() for host in hosts)

    def install(self) -> None:
        """Watch this process from now on."""
        sys.addaudithook(self._look_at)

    def _look_at(self, event: str, arguments: tuple[object, ...]) -> None:
        if event == "socket.getaddrinfo":
            host = arguments[0]
        elif event in _EVENTS_WITH_ADDRESS:
            address = arguments[1]
            # A path is a Unix socket, None an already connected one: neither leaves this machine anew.
            host = address[0] if isinstance(address, tuple) and address else ""
        else:
            return
        if not is_loopback(host) and not self._is_allowed(host):
            self.attempts.append(str(host))
            raise NetworkBlocked(f"A test tried to reach {host}; tests may only use this machine.")

    def _is_allowed(self, host: object) -> bool:
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
        return bool(self._allowed) and (name.lower() in self._allowed or _is_address(name))


def live_hosts(environment: Mapping[str, str]) -> frozenset[str]:
    """Return the hosts a live run asks: Entra, the CRM, the two APIs of Partner Center, and a proxy if there is one."""
    urls = [environment.get(name) or default for name, default in LIVE_SERVICES]
    urls += [environment.get(name, "") for name in ("HTTPS_PROXY", "https_proxy")]
    return frozenset(host for url in urls if (host := urlsplit(url).hostname))


def is_loopback(host: object) -> bool:
    """Tell whether a host, as sockets take it, is this machine."""
    if host is None:
        return True
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    if name.lower() in LOOPBACK_NAMES:
        return True
    try:
        address = ipaddress.ip_address(name.split("%", 1)[0])
    except ValueError:
        return False
    # 0.0.0.0 and :: are what a server listens on; to connect there is to connect to this machine.
    return address.is_loopback or address.is_unspecified


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.split("%", 1)[0])
    except ValueError:
        return False
    return True
