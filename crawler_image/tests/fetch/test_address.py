"""Only the open Internet may be reached, whatever a name, a redirect or a spelling says."""

import socket
import threading
import time

import pytest
from newscrawl.fetch.address import AddressError, is_public, open_connection


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "100.100.100.200", "192.0.0.192", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "168.63.129.16",
        "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:7f00:1::",
        "::ffff:0:127.0.0.1", "::ffff:0:a9fe:a9fe",
        "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "100::1",
    ],
)  # fmt: skip
def test_these_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "203.0.114.1", "2606:4700::1111", "::ffff:8.8.8.8", "::ffff:0:8.8.8.8"]
)
def test_these_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("host", ["localhost", "sub.localhost", "127.1", "2130706433", "0x7f000001", "[::1]", "0"])
def test_no_spelling_of_this_machine_is_connected_to(host: str) -> None:
    with pytest.raises(AddressError) as caught:
        open_connection(host, 80, timeout=1.0, deadline=time.monotonic() + 5, allow_private=False)
    assert (caught.value.kind, caught.value.permanent) == ("private_address", True)


def test_an_unknown_name_and_a_closed_port_have_their_reasons() -> None:
    for host, port, kind in (("no-such-name.invalid", 80, "dns"), ("a" * 70 + ".example", 80, "dns")):
        with pytest.raises(AddressError) as caught:
            open_connection(host, port, timeout=1.0, deadline=time.monotonic() + 5, allow_private=True)
        assert caught.value.kind == kind
    with pytest.raises(AddressError) as caught:
        open_connection("127.0.0.1", 1, timeout=1.0, deadline=time.monotonic() + 5, allow_private=True)
    assert caught.value.kind == "connect"


def test_name_servers_that_stay_silent_are_waited_for_until_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(60))
    try:
        with pytest.raises(AddressError, match=r"'slow\.example' within") as caught:
            open_connection("slow.example", 80, timeout=1.0, deadline=time.monotonic() + 0.2, allow_private=False)
    finally:
        over.set()
    assert (caught.value.kind, caught.value.permanent) == ("dns", False)
