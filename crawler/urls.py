"""Addresses: one spelling for each page, and which hosts may be asked at all."""

from __future__ import annotations

import ipaddress
import re
import socket
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

# Parameters that follow a visitor around and do not change the page.
_TRACKING = re.compile(
    r"^(utm_\w+|fbclid|gclid|dclid|gbraid|wbraid|yclid|ysclid|ymclid|msclkid|twclid|igshid|mc_[ce]id|_openstat)$"
)
_PORTS = {"http": 80, "https": 443}
# IPv6 ranges that carry an IPv4 address inside: NAT64, the old IPv4-compatible form, and 6to4.
_WITH_IPV4_LAST = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("::/96"))
_SIX_TO_FOUR = ipaddress.ip_network("2002::/16")
# For protocols, not for sites; Python before 3.13 takes parts of it for global.
_ASSIGNMENTS = ipaddress.ip_network("192.0.0.0/24")


def normalise_url(url: str) -> str:
    """Write an address in the one form by which pages are told apart.

    Lower-case ASCII host, no default port, no fragment, no tracking parameters, sorted query, no final slash.
    """
    parts = urlsplit(url.strip())
    host = ascii_host(parts.hostname or "")
    if ":" in host:
        host = f"[{host}]"
    if parts.port and parts.port != _PORTS.get(parts.scheme):
        host = f"{host}:{parts.port}"
    # Escapes count as bytes: pages are told apart in any encoding.
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?", errors="surrogatepass")
    fields = parse_qsl(query, keep_blank_values=True, encoding="latin-1")
    query = urlencode(sorted(field for field in fields if not _TRACKING.match(field[0])), encoding="latin-1")
    path = quote(parts.path, safe="/%:@!$&'()*+,;=~-._", errors="surrogatepass") or "/"
    if len(path) > 1:
        path = path.rstrip("/") or "/"
    return urlunsplit((parts.scheme.lower(), host, path, query, ""))


def ascii_host(host: str) -> str:
    """Return a host in small letters, and as it is asked for (IDNA) where it is not ASCII."""
    try:
        return host.lower().encode("idna").decode() if not host.isascii() else host.lower()
    except UnicodeError:
        return host.lower()


def host_and_port(url: str) -> tuple[str, int]:
    """Return an http(s) address's host and port.

    Raises ValueError for another scheme, no host, a user name in the address or a bad port.
    """
    parts = urlsplit(url)
    if parts.scheme not in _PORTS:
        raise ValueError(f"scheme {parts.scheme!r} is not http or https")
    if not parts.hostname:
        raise ValueError("no host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("an address with a user name")
    return ascii_host(parts.hostname).rstrip("."), parts.port or _PORTS[parts.scheme]


def is_public_address(address: str) -> bool:
    """Return whether an IP address is one that anybody may be sent to over the internet.

    Loopback, private, link-local, shared, multicast, reserved and unspecified addresses are not, nor are
    IPv6 addresses that wrap such an IPv4 address.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped
        if any(ip in network for network in _WITH_IPV4_LAST):
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        elif ip in _SIX_TO_FOUR:
            inner = ipaddress.IPv4Address((int(ip) >> 80) & 0xFFFFFFFF)
        elif ip.teredo:
            inner = ip.teredo[1]
        if inner is not None:
            return is_public_address(str(inner))
    return ip.is_global and not ip.is_multicast and ip not in _ASSIGNMENTS


def literal_address(host: str) -> str | None:
    """Return the IP address that a host *is*, or None if it is a name.

    Reads the short, octal and hexadecimal forms too (``127.1``, ``0x7f000001``, ``2130706433``), which the
    C library accepts as addresses.
    """
    try:
        return str(ipaddress.ip_address(host.strip("[]").partition("%")[0]))
    except ValueError:
        pass
    if not re.fullmatch(r"[0-9a-fxA-FX.]+", host):
        return None
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return None


class AddressPolicy:
    """Which hosts a crawl may connect to: public ones, and the one address that it was configured for."""

    def __init__(self, base_url: str) -> None:
        host, port = host_and_port(base_url)
        literal = literal_address(host)
        # A site is at a private address only when its own base_url says so in figures (or says localhost).
        self._exempt: set[tuple[str, int]] = set()
        if host == "localhost":
            self._exempt = {("localhost", port), ("127.0.0.1", port), ("::1", port)}
        elif literal and not is_public_address(literal):
            self._exempt = {(literal, port)}

    def refusal(self, url: str) -> str | None:
        """Return why an address must not be asked, or None; names are judged again once resolved."""
        try:
            host, port = host_and_port(url)
        except ValueError as error:
            return str(error)
        literal = literal_address(host)
        if literal and not self.may_connect(literal, port):
            return f"private address {host}"
        if (host == "localhost" or host.endswith(".localhost")) and ("localhost", port) not in self._exempt:
            return f"private address {host}"
        return None

    def may_connect(self, address: str, port: int) -> bool:
        """Return whether a connection to this IP address and port may be opened."""
        plain = str(ipaddress.ip_address(address.partition("%")[0]))
        return (plain, port) in self._exempt or is_public_address(address)
