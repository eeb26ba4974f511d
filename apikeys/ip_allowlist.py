"""The networks from which a key may be used: IPv4 or IPv6, in CIDR notation or as a single IP address."""

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

Network = IPv4Network | IPv6Network
NOTATION: Final = re.compile(r"[0-9A-Fa-f:.]{2,45}(/[0-9]{1,3})?", re.ASCII)
MAPPED: Final = IPv6Network("::ffff:0:0/96")  # IPv4-mapped IPv6 addresses (RFC 4291, section 2.5.5.2)


def parse_network(text: str) -> Network:
    """Turns IPv4-mapped IPv6 into IPv4. ValueError unless it is a network without host bits, or one IP address."""
    if not NOTATION.fullmatch(text):
        raise ValueError("not a network")
    network = ip_network(text)
    if isinstance(network, IPv6Network) and network.subnet_of(MAPPED):
        return IPv4Network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - MAPPED.prefixlen))
    return network


def network_around(text: str) -> Network | None:
    """Clears the host bits: `192.0.2.1/24` becomes `192.0.2.0/24`. None if the text is not a network."""
    try:
        return ip_network(text, strict=False) if NOTATION.fullmatch(text) else None
    except ValueError:
        return None


known_network = lru_cache(maxsize=4096)(parse_network)  # each request with a restricted key needs its networks


def is_allowed(address: str | None, networks: Iterable[str]) -> bool:
    """False if the IP address is unknown. `client_address` has turned IPv4-mapped IPv6 into IPv4 already."""
    if address is None:
        return False
    caller = ip_address(address)
    return any(caller in known_network(network) for network in networks)
