"""Connects only to addresses that the profile may reach.

A link or a redirect can name anything, also a host whose DNS answer is 127.0.0.1 or a cloud's metadata server. The
check is therefore made on the very address that is connected to, in one step: a second DNS answer cannot slip between.
"""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
import time

# public for Python (of some version), private by meaning: protocol assignments (Oracle's metadata server is there),
# Azure's platform server, local NAT64, segment routing, documentation
_NOT_PUBLIC = tuple(
    map(ipaddress.ip_network, ("192.0.0.0/24", "168.63.129.16/32", "64:ff9b:1::/48", "5f00::/16", "3fff::/20"))
)
# whose last 32 bits are an IPv4 address: NAT64, IPv4-compatible, IPv4-translated
_HOLD_IPV4 = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "::/96", "::ffff:0:0:0/96")))
_Info = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[str | int, ...]]


class AddressError(Exception):
    """No connection was made: `kind` is `private_address`, `dns`, `connect` or `connect_timeout`."""

    def __init__(self, kind: str, message: str, *, permanent: bool = False):
        super().__init__(message)
        self.kind = kind
        self.permanent = permanent


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open Internet, also when it is an IPv4 address in IPv6 clothes."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if inner is None and any(ip in network for network in _HOLD_IPV4):
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if ip.is_site_local:
            return False
    return ip.is_global and not ip.is_multicast and not any(ip in network for network in _NOT_PUBLIC)


def open_connection(host: str, port: int, *, timeout: float, deadline: float, allow_private: bool) -> socket.socket:
    """A TCP connection to `host`, with `timeout` seconds for each of its addresses until `deadline` (monotonic), which
    bounds the search for its addresses too.

    Raises AddressError; `private_address` when the name has no public address and `allow_private` is False.
    """
    infos = _resolve(host, port, deadline)
    allowed = [info for info in infos if allow_private or is_public(str(info[4][0]))]
    if not allowed:
        found = ", ".join(sorted({str(info[4][0]) for info in infos}))
        raise AddressError(
            "private_address",
            f"{host} is {found}, which is no public address (a test site's profile may say allow_private: true)",
            permanent=True,
        )
    problem: OSError | None = None
    for family, kind, protocol, _, address in allowed:
        patience = min(timeout, deadline - time.monotonic())
        if patience <= 0:
            break
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(patience)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.connect(address)
            return sock
        except OSError as error:
            sock.close()
            problem = error
    if problem is None or isinstance(problem, TimeoutError):
        raise AddressError("connect_timeout", f"{host}:{port} did not accept a connection within {timeout:g} s")
    raise AddressError("connect", f"{host}:{port}: {problem.strerror or problem}") from problem


def _resolve(host: str, port: int, deadline: float) -> list[_Info]:
    name = host.strip("[]")
    if name == "localhost" or name.endswith(".localhost"):
        name = "127.0.0.1"  # by RFC 6761, whatever the resolver says
    found: queue.SimpleQueue[list[_Info] | OSError | UnicodeError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found.put(socket.getaddrinfo(name, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            found.put(error)

    # getaddrinfo takes no deadline: with silent servers and a cluster's search domains it stays for minutes
    started = time.monotonic()
    threading.Thread(target=ask, name=f"resolve {name[:100]}", daemon=True).start()
    try:
        answer = found.get(timeout=max(deadline - started, 0))
    except queue.Empty:
        patience = max(deadline - started, 0)
        raise AddressError("dns", f"no name server told the address of {name!r} within {patience:.0f} s") from None
    if isinstance(answer, list):
        return answer
    unknown = isinstance(answer, UnicodeError)
    raise AddressError("dns", f"the name {host!r} has no address: {answer}", permanent=unknown) from answer
