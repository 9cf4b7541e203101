"""The guard itself: what it lets through and what it refuses."""

import socket

import pytest

from tests.network import NetworkBlocked, NetworkGuard, is_loopback


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.8.8.8", "::1", "::1%lo", "localhost", b"localhost", "", None, "0.0.0.0"],  # noqa: S104 - nothing is bound
)
def test_this_machine_may_be_reached(host: object) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "example.com", b"example.com", "127.0.0.1.example.com"])
def test_anything_else_may_not(host: object) -> None:
    assert not is_loopback(host)


def test_names_and_connections_beyond_this_machine_are_refused_and_remembered(network_guard: NetworkGuard) -> None:
    with pytest.raises(NetworkBlocked):
        socket.getaddrinfo("example.com", 443)
    with socket.socket() as channel, pytest.raises(NetworkBlocked):
        channel.connect(("192.0.2.1", 443))
    assert network_guard.attempts == ["example.com", "192.0.2.1"]
    network_guard.attempts.clear()
