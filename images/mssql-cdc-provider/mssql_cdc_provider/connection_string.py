"""Connection strings, in the spellings of ADO, ODBC and URLs."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

Encryption = Literal["off", "request", "require"]
Driver = Literal["pymssql", "mssql-python"]


@dataclass(frozen=True, slots=True)
class Target:
    """Which server and database, as whom, and how to get there.

    `encrypt` is `request` where the string says nothing: encrypted where the server can, whoever it is. With
    `verify` the server's certificate must be that of `certificate_host` (the host where None). The string does not
    say which `driver`: its own key of that name tells an ODBC manager.
    """

    host: str
    database: str
    user: str
    password: str = field(repr=False)
    port: int | None = None
    instance: str | None = None
    encrypt: Encryption = "request"
    verify: bool = False
    certificate_host: str | None = None
    read_only: bool = False
    application: str = "dstream"
    connect_timeout_s: int = 15
    driver: Driver = "pymssql"

    @property
    def server(self) -> str:
        """`host`, `host,port` or `host\\instance`, as people write it."""
        if self.port is not None:
            return f"{self.host},{self.port}"
        return self.host if self.instance is None else f"{self.host}\\{self.instance}"


def parse(text: str) -> Target:
    """What the string says. Raises ValueError naming the key that is wrong, never a value."""
    if re.match(r"[a-z]+://", text, re.IGNORECASE):
        return _target(_url(text))
    if text.lower().startswith("odbc:"):
        return _target(_pairs(text[5:], _odbc_value))
    spelling = _odbc_value if re.search(r"(^|;)\s*driver\s*=", text, re.IGNORECASE) else _ado_value
    return _target(_pairs(text, spelling))


_KEYS = {
    "server": ("server", "datasource", "address", "addr", "networkaddress"),
    "port": ("port",),
    "database": ("database", "initialcatalog"),
    "user": ("userid", "uid", "user", "username"),
    "password": ("password", "pwd"),
    "encrypt": ("encrypt", "encryption"),
    "trust": ("trustservercertificate",),
    "certificate_host": ("hostnameincertificate",),
    "intent": ("applicationintent",),
    "application": ("applicationname", "app", "appname"),
    "timeout": ("connecttimeout", "connectiontimeout", "timeout", "logintimeout", "dialtimeout"),
    "integrated": ("integratedsecurity", "trustedconnection"),
    "authentication": ("authentication",),
}
"""What a key means, by its spellings in lower case without spaces and underscores."""

_WITHOUT_MEANING = {
    *("ansinpw", "asynchronousprocessing", "autotranslate", "commandtimeout", "connectionlifetime", "connectionreset"),
    *("connectretrycount", "connectretryinterval", "currentlanguage", "driver", "enlist", "keepalive", "language"),
    *("loadbalancetimeout", "log", "marsconnection", "maxpoolsize", "minpoolsize", "multipleactiveresultsets"),
    *("multisubnetfailover", "net", "network", "networklibrary", "packetsize", "persistsecurityinfo"),
    *("poolblockingperiod", "pooling", "provider", "quotedid", "regional", "replication", "transactionbinding"),
    *("typesystemversion", "workstationid", "wsid"),
}
"""Keys that steer what this provider does in its own way, or not at all."""

_MEANINGS = {spelling: meaning for meaning, spellings in _KEYS.items() for spelling in spellings}


def _pairs(text: str, read_value: Callable[[str, int], tuple[str, int]]) -> dict[str, str]:
    found: dict[str, str] = {}
    place = 0
    while key := re.compile(r"[\s;]*([^=;]*?)\s*=\s*").match(text, place):
        value, place = read_value(text, key.end())
        if text[place : place + 1] not in ("", ";"):
            raise ValueError(f"there is text behind the quoted value of `{key[1]}`")
        _take(found, key[1], value)
    if text[place:].strip("; \t\r\n"):
        raise ValueError("it is no list of `key=value;`")
    return found


def _ado_value(text: str, place: int) -> tuple[str, int]:
    """`'…'` or `"…"` with the quote doubled inside, or plain text up to the semicolon."""
    if quoted := re.compile(r"""(?:'((?:[^']|'')*)'|"((?:[^"]|"")*)")\s*""").match(text, place):
        inner = quoted[1].replace("''", "'") if quoted[1] is not None else quoted[2].replace('""', '"')
        return inner, quoted.end()
    return _plain_value(text, place)


def _odbc_value(text: str, place: int) -> tuple[str, int]:
    """`{…}` with the closing brace doubled inside, or plain text up to the semicolon."""
    if braced := re.compile(r"\{((?:[^}]|\}\})*)\}\s*").match(text, place):
        return braced[1].replace("}}", "}"), braced.end()
    return _plain_value(text, place)


def _plain_value(text: str, place: int) -> tuple[str, int]:
    end = text.find(";", place)
    end = len(text) if end < 0 else end
    return text[place:end].strip(), end


def _url(text: str) -> dict[str, str]:
    try:
        url = urlsplit(text)
        port = url.port
        query = parse_qsl(url.query, keep_blank_values=True, strict_parsing=bool(url.query))
    except ValueError:
        # Without its cause, which quotes the URL.
        raise ValueError("the URL's port or query cannot be read: escape special characters as %XX") from None
    if url.scheme != "sqlserver":
        raise ValueError("a URL starts with `sqlserver://`")
    found: dict[str, str] = {}
    instance = unquote(url.path.strip("/"))
    host = unquote(url.hostname or "")
    _take(found, "server", f"{host}\\{instance}" if instance else host)
    if port is not None:
        _take(found, "port", str(port))
    if url.username is not None:
        _take(found, "user", unquote(url.username))
    if url.password is not None:
        _take(found, "password", unquote(url.password))
    for key, value in query:
        _take(found, key, value)
    return found


def _take(found: dict[str, str], key: str, value: str) -> None:
    short = re.sub(r"[\s_]", "", key.lower())
    if short in _WITHOUT_MEANING:
        return
    meaning = _MEANINGS.get(short)
    if meaning is None:
        near = difflib.get_close_matches(short, [*_MEANINGS, *_WITHOUT_MEANING], n=1)
        raise ValueError(f"`{key}` is not known" + (f", did you mean `{near[0]}`?" if near else ""))
    if meaning in found:
        raise ValueError(f"`{key}` is given twice")
    found[meaning] = value


def _target(found: dict[str, str]) -> Target:
    if found.get("integrated", "no").lower() not in ("false", "no", "0", ""):
        raise ValueError("integrated security is not possible here: give user and password of an SQL login")
    if found.get("authentication", "").lower() not in ("", "sqlpassword", "notspecified"):
        raise ValueError("`authentication` can only be `SqlPassword`")
    for key in ("server", "database", "user", "password"):
        if not found.get(key):
            raise ValueError(f"`{key}` is missing")
    host, instance, port = _server(found["server"], found.get("port"))
    encrypt, verify = _encryption(found)
    intent = found.get("intent", "ReadWrite").lower()
    if intent not in ("readonly", "readwrite"):
        raise ValueError("`application intent` is `ReadOnly` or `ReadWrite`")
    return Target(
        host=host,
        port=port,
        instance=instance,
        database=found["database"],
        user=found["user"],
        password=found["password"],
        encrypt=encrypt,
        verify=verify,
        certificate_host=found.get("certificate_host") or None,
        read_only=intent == "readonly",
        application=found.get("application") or "dstream",
        connect_timeout_s=_number("connect timeout", found.get("timeout", "15"), 1, 600),
    )


def _server(text: str, port: str | None) -> tuple[str, str | None, int | None]:
    """Host, instance and port of `tcp:host\\instance,port`."""
    if re.match(r"(np|lpc|admin):", text, re.IGNORECASE):
        raise ValueError("`server` can only be reached by TCP")
    address, comma, behind = re.sub(r"^tcp:\s*", "", text, flags=re.IGNORECASE).partition(",")
    host, _, instance = address.strip().partition("\\")
    host = host.removeprefix("[").removesuffix("]")
    if host.count(":") == 1:
        raise ValueError("`server` has a colon: write the port behind a comma, `host,1433`")
    if host.lower() in (".", "(local)"):
        host = "localhost"
    if not host or re.search(r"[\s;/]", host):
        raise ValueError("`server` names no host")
    if comma and port is not None:
        raise ValueError("`port` is given twice")
    number = behind.strip() if comma else port
    if number is not None:
        # With a port nobody asks which instance listens there.
        return host, None, _number("port", number, 1, 65535)
    return host, instance or None, None


def _encryption(found: dict[str, str]) -> tuple[Encryption, bool]:
    said = found.get("encrypt", "optional").lower()
    trust = found.get("trust", "no").lower() in ("true", "yes", "1", "t")
    if said in ("true", "yes", "1", "t", "mandatory"):
        return "require", not trust
    if said == "strict":
        raise ValueError("`encrypt=strict` (TDS 8) is not possible with this driver: use `mandatory`")
    if said in ("false", "no", "0", "f", "optional"):
        return "request", False
    if said == "disable":
        return "off", False
    raise ValueError("`encrypt` is `mandatory`, `optional` or `disable`")


def _number(key: str, text: str, least: int, most: int) -> int:
    if not re.fullmatch(r"\d{1,6}", text, re.ASCII) or not least <= int(text) <= most:
        raise ValueError(f"`{key}` is a number from {least} to {most}")
    return int(text)
