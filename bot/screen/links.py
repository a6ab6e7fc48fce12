"""Links that lead away from the desk's own domains, as a browser reads them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from bot.screen.found import Found, levelled

A_DOT = r"(?:[.\u3002\uff61]|[ ]?[(\[{][ ]?(?:\.|dot)[ ]?[)\]}][ ]?)"
"""Between a host's names: what a browser takes for one, and what people write for one."""
_REST = r"[^\s<>\"'`|»“”]"
_SCRIPTS = "рф|укр|бел|срб|мкд|бг|中国|中國|公司|网络|在线|香港|台灣|台湾|한국|ไทย|भारत"
_WRITTEN = re.compile(
    r"(?P<scheme>(?<![\w])(?:https?|hxxps?|ftps?|wss?|file|javascript|data|tel|sms|intent)"
    rf"(?::|\[:\])[/\\\u2044\uff0f]*)(?P<rest>{_REST}+)"
    r"|(?:(?<![\w@./\\-])|(?<=[\s(\"'=\[]//)|(?<=\A//))(?<![)\]]\ )"
    rf"(?:(?P<bare>(?:[\w-]{{1,63}}{A_DOT}){{1,8}}(?P<top>[a-z]{{2,12}}|xn--[a-z0-9-]{{2,40}}"
    rf"|{_SCRIPTS}))(?P<path>(?::\d{{2,5}})?(?:[/?#]{_REST}*)?)(?![\w@])"
    # An address in figures: with a path or a port, for otherwise it may be a version.
    rf"|(?P<ip>(?:\d{{1,3}}\.){{3}}\d{{1,3}})(?::\d{{2,5}}(?:/{_REST}*)?|/(?!\d){_REST}*)(?!\w))",
    re.IGNORECASE,
)
_DOT = re.compile(A_DOT, re.IGNORECASE)
_HOST = re.compile(r"[^/\\?#]*")
_WEB = frozenset({"http", "https", "hxxp", "hxxps", "ftp", "ftps", "ws", "wss"})
_CALLS = frozenset({"tel", "sms"})
"""Not a link away: the number in it is looked at as a number."""
_TOPS = frozenset(_SCRIPTS.split("|")) | frozenset(
    re.findall(
        r"\w+",
        """
        com org net edu gov int mil info biz name pro io co ai app dev cloud online site
        shop store tech xyz club top icu link live page blog news media digital agency
        software systems support help example test invalid localhost me tv cc ws to ly gg
        fm so sh eu de at ch li fr be nl lu uk ie es pt it gr se no dk fi is ee lv lt pl
        cz sk hu ro bg si hr rs ba mk al ua by ru su tr il ae sa qa in pk bd lk cn hk tw
        jp kr vn th my sg id ph au nz za ng ke eg ma us ca mx br ar cl pe uy ve
        tk ml ga cf gq pw su la gd vc sx bz ph cx mov zip cyou icu cfd sbs buzz quest monster click
        loan bid casino webcam download accountant
        """,
    )
)
"""Of a bare name: what makes it a host, and not a file or an abbreviation."""
_FILES = frozenset(
    re.findall(
        r"\w+",
        """
        sh py md rs pl ps so me in is it to no ml la zip mov cf click bid download
        bank berlin london city date email fun group host life men museum party press rest review
        science space today trade travel win work world
        """,
    )
)
"""Those that end other words too; such a name is a host only with ``www.`` or a path."""
_TRAIL = ".,;:!?)]}*_~"


def foreign_link(text: str, allowed: Collection[str]) -> Iterator[Found]:
    """Links to hosts that are none of ``allowed`` and none of their subdomains.

    A host is read as a browser does: what stands before an ``@`` is a user's name, a backslash is
    a slash, letters that only look alike are others.
    """
    plain = levelled(text)
    for found in _WRITTEN.finditer(plain):
        start, end = found.span()
        while end > start and plain[end - 1] in _TRAIL:
            end -= 1
        if found["scheme"]:
            scheme = re.sub(r"\W", "", found["scheme"]).lower()
            if scheme in _CALLS:
                continue
            host = _host(found["rest"]) if scheme in _WEB else ""
        elif found["ip"]:
            host = found["ip"]
        else:
            host = _DOT.sub(".", found["bare"]).lower()
            if not _is_host(host, found["top"].lower(), found["path"]):
                continue
        if not is_within(host, allowed):
            yield Found(start, end)


def is_within(host: str, domains: Collection[str]) -> bool:
    """Whether ``host`` is one of ``domains`` or lies below one."""
    host = host.casefold().rstrip(".")
    return any(
        host == domain or host.endswith("." + domain)
        for domain in (one.casefold().strip().strip(".") for one in domains)
        if domain
    )


def _host(rest: str) -> str:
    authority = _HOST.match(rest)
    name = (authority[0] if authority else "").rsplit("@", 1)[-1]
    name = _DOT.sub(".", name).rstrip(_TRAIL)
    return re.sub(r":\d*\Z", "", name)


def _is_host(host: str, top: str, path: str) -> bool:
    if top not in _TOPS | _FILES and not top.startswith("xn--"):
        return False
    labels = host.split(".")
    if any(label[:1] in "-_" or label[-1:] == "-" for label in labels):
        return False
    if all(label.isdigit() for label in labels[:-1]):
        return False
    return top not in _FILES or labels[0] == "www" or path.startswith(("/", "?"))
