"""How values travel: [MS-TDS] 2.2.5.4 to 2.2.5.6, by column, so that a page of rows costs little.

pysqlbridge has some of these types; they are all here so that each is encoded by one small function
(its `nvarchar(max)` sends an empty value without the terminator that clients wait for).
"""

from __future__ import annotations

import datetime as dt
import decimal
import struct
import uuid
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import chain, repeat
from typing import Any

from pysqlbridge.tds.result import PLP_NULL

from tests.servers.sqlserver.clocks import moment

Encoder = Callable[[Any], bytes]

_COLLATION = bytes.fromhex("0904d00034")  # SQL_Latin1_General_CP1_CI_AS
_MAX = b"\xff\xff"
_ROW = b"\xd1"
_DAY_ONE = dt.date(1, 1, 1).toordinal()
_DAY_1900 = dt.date(1900, 1, 1).toordinal()
_LENGTH = struct.Struct("<H").pack
_OFFSET = struct.Struct("<h").pack
_LENGTHS_OF_CHUNK = struct.Struct("<QI").pack
_EMPTY_CHUNKS = bytes(12)


class WireType:
    """A type whose `not_null` encodes a value, length and all; `null` is what it sends for NULL.

    Its `nullable`, `type_info` and `encode` are what pysqlbridge asks of a column's type.
    """

    nullable = True

    def __init__(self, info: bytes, not_null: Encoder, null: bytes = b"\0") -> None:
        self._info, self._not_null, self._null = info, not_null, null

    def type_info(self) -> bytes:
        return self._info

    def encode(self, value: object) -> bytes:
        return self._null if value is None else self._not_null(value)

    def encode_all(self, values: Sequence[Any]) -> list[bytes]:
        """`encode` of each."""
        encode, null = self._not_null, self._null
        return [null if value is None else encode(value) for value in values]


def rows(types: Sequence[WireType], values: Sequence[Sequence[Any]]) -> bytes:
    """The ROW tokens of `values`."""
    if not values:
        return b""
    columns = [kind.encode_all(column) for kind, column in zip(types, zip(*values, strict=True), strict=True)]
    return b"".join(chain.from_iterable(zip(repeat(_ROW), *columns, strict=False)))


def _integer(width: int) -> WireType:
    pack = struct.Struct({1: "<BB", 2: "<Bh", 4: "<Bi", 8: "<Bq"}[width]).pack
    return WireType(bytes([0x26, width]), lambda value: pack(width, value))


INTEGERS = {width: _integer(width) for width in (1, 2, 4, 8)}
BIT = WireType(b"\x68\x01", lambda value: b"\x01\x01" if value else b"\x01\x00")
DATE = WireType(b"\x28", lambda value: b"\x03" + _days(value))
UNIQUEIDENTIFIER = WireType(b"\x24\x10", lambda value: b"\x10" + _uuid(value).bytes_le)


def _uuid(value: uuid.UUID | str) -> uuid.UUID:
    return value if isinstance(value, uuid.UUID) else uuid.UUID(value)


def _datetime(value: dt.datetime) -> bytes:
    ticks = round((value.hour * 3600 + value.minute * 60 + value.second) * 300 + value.microsecond * 3 / 10_000)
    return struct.pack("<BiI", 8, value.toordinal() - _DAY_1900, ticks)


def _smalldatetime(value: dt.datetime) -> bytes:
    return struct.pack("<BHH", 4, value.toordinal() - _DAY_1900, value.hour * 60 + value.minute)


DATETIME = WireType(b"\x6f\x08", _datetime)
SMALLDATETIME = WireType(b"\x6f\x04", _smalldatetime)


def decimal_bytes(precision: int) -> int:
    """How many bytes hold so many digits, without the sign."""
    return 4 if precision <= 9 else 8 if precision <= 19 else 12 if precision <= 28 else 16


@lru_cache
def Decimal(precision: int, scale: int) -> WireType:  # noqa: N802  # named as the type it makes
    size = decimal_bytes(precision)

    def encode(value: Any) -> bytes:
        digits = int(decimal.Decimal(value).scaleb(scale, _EXACT))
        return bytes((size + 1, digits >= 0)) + abs(digits).to_bytes(size, "little")

    return WireType(bytes([0x6C, size + 1, precision, scale]), encode)


_EXACT = decimal.Context(prec=60)


@lru_cache
def Money(size: int) -> WireType:  # noqa: N802  # named as the type it makes
    def encode(value: Any) -> bytes:
        units = int(decimal.Decimal(value).scaleb(4))
        return struct.pack("<BiI", 8, units >> 32, units & 0xFFFFFFFF) if size == 8 else struct.pack("<Bi", 4, units)

    return WireType(bytes([0x6E, size]), encode)


@lru_cache
def Float(size: int) -> WireType:  # noqa: N802  # named as the type it makes
    pack = struct.Struct("<Bd" if size == 8 else "<Bf").pack
    return WireType(bytes([0x6D, size]), lambda value: pack(size, value))


def _days(value: dt.date) -> bytes:
    return (value.toordinal() - _DAY_ONE).to_bytes(3, "little")


def _clock(scale: int) -> tuple[int, Callable[[int], bytes]]:
    """How many bytes the time of a day takes at this scale, and what writes it, in ticks of 100 ns."""
    size, unit = 3 if scale <= 2 else 4 if scale <= 4 else 5, int(10 ** (7 - scale))
    return size, lambda ticks: (ticks // unit).to_bytes(size, "little")


@lru_cache
def Time(scale: int = 7) -> WireType:  # noqa: N802  # named as the type it makes
    size, clock = _clock(scale)
    return WireType(bytes([0x29, scale]), lambda value: bytes([size]) + clock(moment(str(value))[1]))


@lru_cache
def DateTime2(scale: int = 7) -> WireType:  # noqa: N802  # named as the type it makes
    size, clock = _clock(scale)

    def encode(value: object) -> bytes:
        day, ticks, _ = moment(str(value))
        return bytes([size + 3]) + clock(ticks) + (day - _DAY_ONE).to_bytes(3, "little")

    return WireType(bytes([0x2A, scale]), encode)


@lru_cache
def DateTimeOffset(scale: int = 7) -> WireType:  # noqa: N802  # named as the type it makes
    """Takes what the store keeps."""
    size, clock = _clock(scale)

    def encode(value: str) -> bytes:
        utc, _, minutes = value.rpartition(" ")
        day, ticks, _ = moment(utc)
        return bytes([size + 5]) + clock(ticks) + (day - _DAY_ONE).to_bytes(3, "little") + _OFFSET(int(minutes))

    return WireType(bytes([0x2B, scale]), encode)


def _chunked(raw: bytes) -> bytes:
    return _LENGTHS_OF_CHUNK(len(raw), len(raw)) + raw + b"\0\0\0\0" if raw else _EMPTY_CHUNKS


def _sized(raw: bytes) -> bytes:
    return _LENGTH(len(raw)) + raw


def _of_bytes(kind: int, size: int | None, to_bytes: Encoder, collation: bytes) -> WireType:
    """A type of characters or bytes, of at most `size` bytes or, when that is None, `max`."""
    if size is None:
        return WireType(bytes([kind]) + _MAX + collation, lambda value: _chunked(to_bytes(value)), PLP_NULL)
    return WireType(bytes([kind]) + _LENGTH(size) + collation, lambda value: _sized(to_bytes(value)), _MAX)


@lru_cache
def NVarChar(characters: int | None) -> WireType:  # noqa: N802  # named as the type it makes
    size = None if characters is None else 2 * characters
    return _of_bytes(0xE7, size, lambda value: str(value).encode("utf-16-le", "surrogatepass"), _COLLATION)


@lru_cache
def VarChar(size: int | None) -> WireType:  # noqa: N802  # named as the type it makes
    return _of_bytes(0xA7, size, lambda value: str(value).encode("cp1252", "replace"), _COLLATION)


@lru_cache
def VarBinary(size: int | None) -> WireType:  # noqa: N802  # named as the type it makes
    return _of_bytes(0xA5, size, bytes, b"")


@lru_cache
def Binary(size: int) -> WireType:  # noqa: N802  # named as the type it makes
    return _of_bytes(0xAD, size, lambda value: bytes(value).ljust(size, b"\0"), b"")
