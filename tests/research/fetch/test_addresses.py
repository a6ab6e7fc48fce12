"""Ranges and spellings: what no fetch may connect to, however it is written."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tools.research.fetch.addresses import Address, is_public, spelled_address
from tools.research.fetch.urls import Refused, normal_host, parse

DENIED = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.175.48.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:0:7f00:1",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "64:ff9b:1::1",
    "100::1",
    "100:0:0:1::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::",
    "2620:4f:8000::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "feff::1",
    "ff02::1",
    "4000::1",
    "e000::1",
]

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.1",
    "100.63.255.255",
    "100.128.0.1",
    "126.255.255.255",
    "128.0.0.1",
    "168.63.129.15",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.1",
    "192.167.255.255",
    "198.17.255.255",
    "223.255.255.1",
    "2606:4700:4700::1111",
    "2001:4860:4860::8888",
    "2a00:1450::1",
    "2003::1",
]

LOOPBACK_SPELLINGS = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "127.000.000.001",
    "0177.0.0.1",
    "0177.0.0.01",
    "0x7f.0.0.1",
    "0x7F.1",
    "0x7f000001",
    "0X7F000001",
    "2130706433",
    "017700000001",
    "127.0.0.1.",
    "0",
    "0.0.0.0",
    "127.0.0.0x1",
    "①②⑦.0.0.1",
    "１２７.０.０.１",
    "127。0。0。1",
    "127．0．0．1",
    "127｡0｡0｡1",
    "%31%32%37.0.0.1",
    "127%2e0%2e0%2e1",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:0:0:1]",
    "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[2002:7f00:1::]",
    "[fe80::1%25lo]",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "foo.localhost",
    "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
    "256.256.256.256",
    "127.0.0.0.1",
    "0x",
    "127.0.0.08",
    "1e1.0x7f",
    "999999999999999999999",
    "[::]",
]


@pytest.mark.parametrize("text", DENIED)
def test_no_fetch_goes_to_a_special_address(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_are_public(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
@example(ipaddress.ip_address("192.0.0.9"))
def test_what_is_public_here_is_global_to_python(address: Address) -> None:
    if is_public(address):
        assert address.is_global
        assert not address.is_multicast
        if isinstance(address, ipaddress.IPv6Address):
            assert (address.ipv4_mapped, address.sixtofour, address.teredo) == (None, None, None)


@pytest.mark.parametrize("host", LOOPBACK_SPELLINGS)
@pytest.mark.parametrize("form", ["http://{}/", "https://{}:443/x", "http://{}:8123/", "HTTP://{}"])
def test_every_spelling_of_this_machine_is_refused(host: str, form: str) -> None:
    with pytest.raises(Refused) as refused:
        parse(form.format(host))
    assert refused.value.reason == "private_address"


def _part(value: int, base: str, zeros: int) -> str:
    match base:
        case "octal":
            return "0" + "0" * zeros + (f"{value:o}" if value else "")
        case "hex":
            return "0x" + "0" * zeros + f"{value:x}"
        case "HEX":
            return "0X" + "0" * zeros + f"{value:X}"
        case _:
            return str(value)


@st.composite
def spellings(draw: st.DrawFn) -> tuple[ipaddress.IPv4Address, str]:
    """An IPv4 address and one of the many ways in which it may be written."""
    address = draw(st.ip_addresses(v=4))
    assert isinstance(address, ipaddress.IPv4Address)
    octets, count = list(address.packed), draw(st.integers(1, 4))
    tail = int.from_bytes(bytes(octets[count - 1 :]), "big")
    values = [*octets[: count - 1], tail]
    bases = st.sampled_from(["decimal", "octal", "hex", "HEX"])
    parts = [_part(value, draw(bases), draw(st.integers(0, 3))) for value in values]
    text = draw(st.sampled_from([".", "。", "．", "｡"])).join(parts)
    if draw(st.booleans()):
        text = "".join(chr(ord(sign) + 0xFEE0) if sign.isdigit() else sign for sign in text)
    return address, text + draw(st.sampled_from(["", "."]))


@given(spellings())
def test_any_spelling_is_seen_through(pair: tuple[ipaddress.IPv4Address, str]) -> None:
    address, text = pair
    normal = normal_host(text)
    assert normal is not None
    assert spelled_address(normal) == address
    with pytest.raises(Refused) as refused:
        parse(f"http://{text}/")
    assert refused.value.reason == ("off_host" if is_public(address) else "private_address")


@given(st.ip_addresses(v=6))
def test_any_ipv6_address_is_seen_through(address: ipaddress.IPv6Address) -> None:
    for text in (address.compressed, address.exploded):
        assert spelled_address(f"[{text}]") == address
        with pytest.raises(Refused):
            parse(f"https://[{text}]/")


@given(st.from_regex(r"\A[a-z][a-z0-9]{0,10}(\.[a-z][a-z0-9]{0,8}){1,3}\Z"))
def test_names_are_names(name: str) -> None:
    assert spelled_address(name) is None
    assert parse(f"https://{name}/").host == name


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://acme.example/", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("gopher://a.example", "scheme"),
        ("javascript:alert(1)", "scheme"),
        ("data:text/html,x", "scheme"),
        ("//acme.example", "scheme"),
        ("http://[not:an:address]/", "scheme"),
        ("http:///x", "scheme"),
        ("http://", "scheme"),
        ("http://acme.example\\@127.0.0.1/", "scheme"),
        ("http://acme example/", "scheme"),
        ("http://acme.example/\r\nHost: x", "scheme"),
        ("http://user:pw@acme.example/", "scheme"),
        ("http://@acme.example/", "scheme"),
        ("http://acme.example@127.0.0.1/", "private_address"),
        ("http://a@[::1]/", "private_address"),
        ("http://acme.example:22/", "port"),
        ("http://acme.example:0/", "port"),
        ("http://acme.example:99999/", "scheme"),
        ("http://acme.example:8O/", "scheme"),
        ("https://acme..example/", "scheme"),
        ("https://-.example/", "scheme"),
        ("https://" + "a" * 300 + ".example/", "scheme"),
        ("https://a.example/" + "a" * 3000, "scheme"),
        ("https://acme%2eexample/", "scheme"),
        ("https://8.8.8.8/", "off_host"),
    ],
)
def test_what_is_no_page_of_a_company(url: str, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        parse(url)
    assert refused.value.reason == reason


def test_a_url_is_normalised_once() -> None:
    target = parse("HTTPS://WWW.Acme.Example.:443/Grüße?q=ä#part")
    assert target.url == "https://www.acme.example/Gr%C3%BC%C3%9Fe?q=%C3%A4"
    assert str(target.request) == target.url
    assert parse("http://bücher.example").host == "xn--bcher-kva.example"
    assert parse("http://acme.example:443/").url == "http://acme.example:443/"
    for path in ("/private/x", "/a/../private/x", "/a/%2e%2E/./%70riv%61te/x", "/../private/x"):
        assert parse(f"http://acme.example{path}").path == "/private/x"
    assert parse("http://acme.example/a/b/..").path == "/a/"
    assert parse("http://acme.example/a%2Fb//c/?q=%2E%26").path == "/a%2Fb//c/?q=.%26"
