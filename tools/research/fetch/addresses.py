"""Which addresses a fetch may connect to, and which hosts are addresses in disguise.

``ipaddress.is_global`` is not enough: on Python 3.11 it calls NAT64, 6to4, site-local, multicast
and Azure's host address global. So the ranges are written down here, from the IANA special-purpose
registries (iana.org/assignments/iana-ipv4-special-registry, iana-ipv6-special-registry).
"""

from __future__ import annotations

import ipaddress
import re

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_DENIED_4 = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared (carrier NAT), and Alibaba's metadata
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's host
        "169.254.0.0/16",  # link-local, and most clouds' metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)

_UNICAST_6 = ipaddress.IPv6Network("2000::/3")
"""The only part of IPv6 that is given out for the public Internet. Outside it lie loopback, mapped
and compatible IPv4, NAT64 (64:ff9b::/96 and 64:ff9b:1::/48), unique and link-local, site-local,
multicast, discard and segment routing."""

_DENIED_6 = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, Teredo and ORCHID among them
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address inside
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)

_DOTS = re.compile("[.\u3002\uff0e\uff61]")
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]*|[0-9]+")


def is_public(address: Address) -> bool:
    """Whether a fetch may connect to it."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _DENIED_4)
    if address.scope_id is not None or address not in _UNICAST_6:
        return False
    return not any(address in network for network in _DENIED_6)


def is_local_name(host: str) -> bool:
    """Names that mean this machine whatever a DNS server says (RFC 6761)."""
    return host == "localhost" or host.endswith((".localhost", ".localhost.localdomain"))


def spelled_address(host: str) -> Address | None:
    """The address that ``host`` is a spelling of, or None if it is a name.

    Every spelling that some client takes for an address counts: brackets, one to four parts,
    decimal, octal and hexadecimal, a last dot. Whatever ends in a number is never a name
    (url.spec.whatwg.org, "ends in a number"); one that is no valid address counts as 0.0.0.0.
    """
    bare = host.removeprefix("[").removesuffix("]")
    if ":" in bare or host.startswith("["):
        try:
            return ipaddress.IPv6Address(bare)
        except ValueError:
            return ipaddress.IPv6Address("::")
    parts = _DOTS.split(bare)
    if len(parts) > 1 and not parts[-1]:
        parts.pop()
    if not _NUMBER.fullmatch(parts[-1]):
        return None
    return _from_parts(parts)


def _from_parts(parts: list[str]) -> ipaddress.IPv4Address:
    """As ``inet_aton`` reads them: the last part fills what the others leave."""
    invalid = ipaddress.IPv4Address(0)
    if len(parts) > 4 or not all(_NUMBER.fullmatch(part) for part in parts):
        return invalid
    numbers = [_number(part) for part in parts]
    last = numbers.pop()
    if any(number > 255 for number in numbers) or last >= 256 ** (4 - len(numbers)):
        return invalid
    value = last
    for place, number in enumerate(numbers):
        value += number << (8 * (3 - place))
    return ipaddress.IPv4Address(value)


def _number(part: str) -> int:
    """Too long a number is too large in any base."""
    if len(part) > 40:
        return 1 << 32
    if part[:2] in ("0x", "0X"):
        return int(part[2:] or "0", 16)
    if len(part) > 1 and part[0] == "0":
        # 08 is no octal number; some clients read it as decimal. Either way it is no name.
        return int(part, 8) if not set(part) & set("89") else int(part)
    return int(part)
