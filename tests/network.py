"""Keeps the tests on this machine: an audit hook which refuses every connection and name look-up but loopback ones.

An audit hook sees what a patched function would miss (any library, any thread) and needs no mocking. It cannot be
removed again, which is why there is one for the whole run. Programs which a test starts are not covered.
"""

import ipaddress
import sys

LOOPBACK_NAMES = frozenset({"", "localhost", "localhost.localdomain", "ip6-localhost"})
_EVENTS_WITH_ADDRESS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})


class NetworkBlocked(RuntimeError):
    """A test tried to reach beyond this machine. Not an OSError: no client may take it for a broken connection."""


class NetworkGuard:
    """Refuses what leaves this machine and remembers what was tried."""

    def __init__(self) -> None:
        """Start with nothing tried."""
        self.attempts: list[str] = []

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
        if not is_loopback(host):
            self.attempts.append(str(host))
            raise NetworkBlocked(f"A test tried to reach {host}; tests may only use this machine.")


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
