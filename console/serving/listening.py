"""A port of this machine to listen on."""

from __future__ import annotations

import ipaddress
import socket

from console.errors import UsageError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def address_of(host: str) -> Address:
    """`host` as an address; `localhost` is 127.0.0.1. Raises `ValueError` for any other name."""
    return ipaddress.ip_address("127.0.0.1" if host == "localhost" else host.strip("[]"))


def listen_on(address: Address, port: int, *, todo: str) -> socket.socket:
    """A socket that listens there. Raises `UsageError` when it cannot; `todo` is the way out."""
    listener = socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((str(address), port))
        listener.listen(64)
    except (OSError, OverflowError) as error:
        listener.close()
        why = getattr(error, "strerror", None) or str(error)
        shown = f"[{address}]" if address.version == 6 else str(address)
        raise UsageError(f"cannot listen on {shown}:{port}: {why}", todo=todo) from None
    return listener
