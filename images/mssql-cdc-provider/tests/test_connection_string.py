"""Connection strings: what is written in any of the three spellings is what is read."""

from __future__ import annotations

import contextlib
import string
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mssql_cdc_provider.connection_string import Target, parse

# Azure's portal, Microsoft's documentation and the original's README write these.
SPELLINGS = [
    "Server=tcp:sql.example.com,1433;Initial Catalog=shop;User ID=app;Password=p@ss;Encrypt=True;",
    "Driver={ODBC Driver 18 for SQL Server};Server=sql.example.com,1433;Database=shop;Uid=app;Pwd={p@ss};Encrypt=yes",
    "odbc:server=sql.example.com;port=1433;database=shop;uid=app;pwd={p@ss};encrypt=true",
    "sqlserver://app:p%40ss@sql.example.com:1433?database=shop&encrypt=true",
    "data source=sql.example.com,1433;initial catalog=shop;user=app;pwd=p@ss;Encrypt=Mandatory;Pooling=False",
]

_words = st.text(string.ascii_letters + string.digits, min_size=1, max_size=12)
_texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
_targets = st.builds(
    Target,
    host=_words.map(str.lower) | st.sampled_from(["10.0.0.7", "::1", "sql.example.com"]),
    port=st.none() | st.integers(1, 65535),
    database=_texts,
    user=_texts,
    password=_texts,
    encrypt=st.sampled_from(["off", "request"]),
    certificate_host=st.none() | _words,
    read_only=st.booleans(),
    application=_texts,
    connect_timeout_s=st.integers(1, 600),
)
_ENCRYPT = {"off": "disable", "request": "optional"}


def fields(target: Target) -> dict[str, str]:
    given = {
        "Database": target.database,
        "User ID": target.user,
        "Password": target.password,
        "Encrypt": _ENCRYPT[target.encrypt],
        "Application Name": target.application,
        "Application Intent": "ReadOnly" if target.read_only else "ReadWrite",
        "Connect Timeout": str(target.connect_timeout_s),
    }
    return given | ({"HostNameInCertificate": target.certificate_host} if target.certificate_host else {})


def ado(target: Target) -> str:
    quoted = {key: '"' + value.replace('"', '""') + '"' for key, value in fields(target).items()}
    return ";".join(f"{key}={value}" for key, value in {"Server": target.server, **quoted}.items())


def odbc(target: Target) -> str:
    braced = {key: "{" + value.replace("}", "}}") + "}" for key, value in fields(target).items()}
    every = {"Driver": "{ODBC Driver 18 for SQL Server}", "Server": target.server, **braced}
    return ";".join(f"{key}={value}" for key, value in every.items())


def url(target: Target) -> str:
    rest = fields(target)
    login = f"{quote(rest.pop('User ID'), safe='')}:{quote(rest.pop('Password'), safe='')}"
    host = f"[{target.host}]" if ":" in target.host else target.host
    port = f":{target.port}" if target.port else ""
    return f"sqlserver://{login}@{host}{port}?" + "&".join(f"{quote(k)}={quote(v, safe='')}" for k, v in rest.items())


@pytest.mark.parametrize("text", SPELLINGS)
def test_every_spelling_says_the_same(text: str) -> None:
    read = parse(text)
    assert read == Target(
        "sql.example.com", "shop", "app", "p@ss", port=1433, encrypt="require", verify=True, application="dstream"
    )


@given(_targets)
def test_what_is_written_is_what_is_read(target: Target) -> None:
    assert parse(ado(target)) == parse(odbc(target)) == parse(url(target)) == target


@given(st.text(max_size=80) | st.text("=;'\"{}:/\\,?&% serverpwdb", max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        parse(text)


@pytest.mark.parametrize(
    ("server", "host", "instance", "port"),
    [
        ("db", "db", None, None),
        (r"db\EXPRESS", "db", "EXPRESS", None),
        (r"tcp:db\EXPRESS,1444", "db", None, 1444),
        ("(local)", "localhost", None, None),
        ("[::1],1433", "::1", None, 1433),
    ],
)
def test_server_is_host_instance_and_port(server: str, host: str, instance: str | None, port: int | None) -> None:
    read = parse(f"Server={server};Database=d;User Id=u;Password=p")
    assert (read.host, read.instance, read.port) == (host, instance, port)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Server=h;Database=d;User Id=u", "`password` is missing"),
        ("Server=h;Databse=d", "did you mean `database`"),
        ("Server=h;Database=d;Integrated Security=SSPI", "user and password"),
        ("Server=h:1433;Database=d;User Id=u;Password=p", "behind a comma"),
        ("Server=h,99999;Database=d;User Id=u;Password=p", "from 1 to 65535"),
        ("Server=h;Server=i", "given twice"),
        ("Server=h;Database=d;User Id=u;Password='a'b", "behind the quoted value of `Password`"),
        ("postgres://u:p@h/d", "`sqlserver://`"),
        ("sqlserver://u:p@h:port?database=d", "port or query"),
        ("Server=h;Database=d;User Id=u;Password=p;Encrypt=strict", "mandatory"),
        ("Server=h;Database=d;User Id=u;Password=p;rest", "key=value"),
        ("Server=np:h;Database=d;User Id=u;Password=p", "TCP"),
        ("test", "key=value"),
    ],
)
def test_what_is_wrong_is_named(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse(text)


def test_no_error_quotes_a_value() -> None:
    secret = "S3cret;Value"
    for text in (f"Server=h;Password='{secret}'x", f"sqlserver://u:{secret}@h:x"):
        with pytest.raises(ValueError, match=r"Password|port") as refused:
            parse(text)
        assert "S3cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("said", "encrypt", "verify"),
    [
        ("", "request", False),
        ("Encrypt=false", "request", False),
        ("Encrypt=disable", "off", False),
        ("Encrypt=true", "require", True),
        ("Encrypt=true;TrustServerCertificate=true", "require", False),
    ],
)
def test_a_demanded_encryption_verifies_the_server_unless_told_to_trust_it(
    said: str, encrypt: str, verify: bool
) -> None:
    read = parse(f"Server=h;Database=d;User Id=u;Password=p;{said}")
    assert (read.encrypt, read.verify) == (encrypt, verify)


def test_the_password_is_not_shown() -> None:
    assert "hunter2" not in repr(parse("Server=h;Database=d;User Id=u;Password=hunter2"))
