"""Where a request may go: an address as it is written, and the hosts that are refused once it is resolved.

What a tool asks of the network is decided by values that come from models and results. So nothing on
this machine, in its network or of its provider is reached unless the tool's file says so: not by name,
not by number, not by an address inside an address. Standard library only: the process that sends a
request loads little.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address

_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_.])?", re.IGNORECASE)
_SAFE = "%/:?@!$&'()*+,;=~-._[]"
_NAT64 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))
_PLATFORM = (ipaddress.ip_address("168.63.129.16"),)
"""Public by number, but answered by the host that a virtual machine runs on."""


@dataclass(frozen=True, slots=True)
class Address:
    """A URL that can be asked: `path` begins with a slash and holds the query; `host` has no brackets."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port

    def __str__(self) -> str:
        default = {"http": 80, "https": 443}[self.scheme]
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}{'' if self.port == default else f':{self.port}'}{self.path}"


def parse(url: str) -> Address:
    """The parts of `url`. Raises `ValueError`, in words, for what is no plain http(s) address."""
    if any(ord(char) <= 0x20 or ord(char) == 0x7F or char == "\\" for char in url):
        raise ValueError(f"{url[:200]!r} holds a space, a backslash or a control character")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{url[:200]!r} is no address: {error}") from None
    if parts.scheme not in ("http", "https"):
        raise ValueError(f"{url[:200]!r} is no http or https address")
    if "@" in parts.netloc:
        raise ValueError(f"the address of {parts.hostname} holds a user name: use a header instead")
    host = _host(parts.hostname or "")
    path = quote(parts.path or "/", safe=_SAFE)
    if {".", ".."} & set(path.lower().replace("%2e", ".").split("/")):
        raise ValueError(f"the path {path[:200]!r} has a segment . or ..")
    query = f"?{quote(parts.query, safe=_SAFE)}" if parts.query else ""
    return Address(parts.scheme, host, port or {"http": 80, "https": 443}[parts.scheme], path + query)


def _host(text: str) -> str:
    if ":" in text:
        try:
            return str(ipaddress.IPv6Address(text))
        except ValueError:
            raise ValueError(f"{text[:200]!r} is no host") from None
    try:
        host = text if text.isascii() else text.encode("idna").decode()
    except UnicodeError:
        raise ValueError(f"{text[:200]!r} is no host") from None
    if not _HOST.fullmatch(host):
        raise ValueError(f"{text[:200]!r} is no host")
    return host.lower()


def private(ip: Ip) -> str:
    """What kind of address this is when it is not a public one ("a private address"); else ""."""
    inner = _inside(ip)
    if inner is not None:
        return private(inner)
    for kind, is_so in (
        ("a loopback address", ip.is_loopback),
        ("a link-local address, as metadata services have", ip.is_link_local),
        ("an address of the platform this machine runs on", ip in _PLATFORM),
        ("a multicast address", ip.is_multicast),
        ("an address that stands for this machine", ip.is_unspecified),
        ("a private address", not ip.is_global),
    ):
        if is_so:
            return kind
    return ""


def is_link_local(ip: Ip) -> bool:
    """Whether only this link's machines, among them metadata services, have the address."""
    inner = _inside(ip)
    return is_link_local(inner) if inner is not None else ip.is_link_local or ip in _PLATFORM


def _inside(ip: Ip) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 address only wraps."""
    if isinstance(ip, ipaddress.IPv4Address):
        return None
    if any(ip in network for network in _NAT64):
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    teredo = ip.teredo
    return ip.ipv4_mapped or ip.sixtofour or (teredo[1] if teredo else None)
