"""Whose an IP address is: what is counted together, and how it is written in a log."""

from __future__ import annotations

import ipaddress

LONGEST = 64


def plain(address: str) -> str:
    """An address as people know it: a socket on `::` writes those of IPv4 as `::ffff:192.0.2.1` (RFC 4291, 2.5.5.2)."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:LONGEST]
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return address[:LONGEST] if mapped is None else str(mapped)


def household(address: str) -> str:
    """Whose tries count as one: an address of IPv4, or the whole /64 of IPv6 that one customer owns."""
    try:
        ip = ipaddress.ip_address(plain(address).partition("%")[0])
    except ValueError:
        return address[:LONGEST]
    return str(ip if ip.version == 4 else ipaddress.ip_network((ip, 64), strict=False))
