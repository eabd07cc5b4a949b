"""What a sink got, held against what was committed."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from tests.faults.mssql.ledger import STAMP

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.faults.mssql.ledger import Change, Key, Ledger, Row, Table

MOST_SAID = 5


@dataclass
class Delivered:
    """What one run brought: its records, and how many of them lie before the checkpoint that was stored last.

    `stored` is None where none of the run's own was stored; the next run begins where this one did.
    """

    records: list[dict[str, Any]] = field(default_factory=list)
    stored: int | None = None
    state: Any = None
    """The newest stored one, of whichever run."""


def faults_in(ledger: Ledger, runs: Sequence[Delivered]) -> list[str]:
    """What is wrong with what the runs brought, taken together: nothing, if it keeps the promise.

    Every run's changes are those that were committed behind the checkpoint that it began with: in the order of the
    commits and of the statements, none left out, none twice, each as it was. And the tables made of all of it are
    the database's.
    """
    found = [*_Order(ledger).faults(runs), *_fold_faults(ledger, runs)]
    more = [f"... and {len(found) - MOST_SAID} more"] if len(found) > MOST_SAID else []
    return found[:MOST_SAID] + more


def faults_in_starts(ledger: Ledger, starts: Sequence[list[dict[str, Any]]]) -> list[str]:
    """As `faults_in`, of runs of which it is not known where each began.

    Every run's changes are those that were committed from its first one on. Together they leave nothing out.
    """
    order = _Order(ledger)
    runs = [Delivered(records) for records in starts]
    faults = [*order.faults_by_themselves(runs), *_fold_faults(ledger, runs)]
    more = [f"... and {len(faults) - MOST_SAID} more"] if len(faults) > MOST_SAID else []
    return faults[:MOST_SAID] + more


def has_come(ledger: Ledger, starts: Sequence[list[dict[str, Any]]]) -> bool:
    """Whether the last transaction has, and with it all before: the changes of a run are in order."""
    last = {change.identity for change in ledger.changes if change.place[0] == ledger.changes[-1].place[0]}
    order = _Order(ledger)
    return last <= {change.identity for record in starts[-1] if (change := order.change(record))}


class _Order:
    def __init__(self, ledger: Ledger) -> None:
        self._changes = ledger.changes
        self._known = {change.identity: change for change in ledger.changes}
        self._lsns: dict[int, str] = {}

    def faults(self, runs: Sequence[Delivered]) -> list[str]:
        faults: list[str] = []
        covered: set[tuple[str, int]] | None = None
        last = len(runs) - 1
        for number, run in enumerate(runs):
            seen = self._seen(number, run, faults)
            base = self._begin(run, seen) if covered is None else covered
            expected = {c.identity: c for c in self._changes if c.identity not in base}
            faults += [f"run {number}: {what}" for what in _walk(expected, [change for _, change in seen])]
            if run.stored is not None:
                covered = base | {change.identity for at, change in seen if at < run.stored}
            if number == last:
                faults += [f"never came: {change}" for change in expected.values() if not change.may_be_lost]
        return faults

    def faults_by_themselves(self, runs: Sequence[Delivered]) -> list[str]:
        """The first run begins with a transaction; the others may go on in the middle of a statement."""
        faults: list[str] = []
        missing: dict[tuple[str, int], Change] = {}
        for number, run in enumerate(runs):
            seen = [change for _, change in self._seen(number, run, faults)]
            came = {change.identity for change in seen}
            first = seen[0].place if seen else (0, 0)
            if not number:
                missing = {c.identity: c for c in self._changes if c.place[0] >= first[0]}
            expected = {c.identity: c for c in self._changes if c.place > first or c.identity in came}
            faults += [f"run {number}: {what}" for what in _walk(expected, seen)]
            missing = {identity: change for identity, change in missing.items() if identity not in came}
        return [*faults, *(f"never came: {change}" for change in missing.values())]

    def _seen(self, number: int, run: Delivered, faults: list[str]) -> list[tuple[int, Change]]:
        """The changes that a run brought, and where among its records; what is wrong with one goes to `faults`."""
        seen: list[tuple[int, Change]] = []
        for at, record in enumerate(run.records):
            if record["metadata"]["OperationType"] == "Snapshot":
                continue
            change = self.change(record)
            if change is None:
                faults.append(f"run {number}: never committed: {record}")
                continue
            faults += [f"run {number}: {what}" for what in self._differences(change, record)]
            seen.append((at, change))
        return seen

    def change(self, record: dict[str, Any]) -> Change | None:
        """Which one a record tells of."""
        return self._known.get((record["metadata"]["OperationType"], record["data"].get(STAMP)))

    def _begin(self, run: Delivered, seen: list[tuple[int, Change]]) -> set[tuple[str, int]]:
        """What lies before a run that began with no state: it begins with the changes from its start on."""
        if seen:
            first = seen[0][1].place[0]
            return {change.identity for change in self._changes if change.place[0] < first}
        position = bytes.fromhex(run.state["position"]["lsn"]) if run.state else b""
        return {change.identity for change in self._changes if change.after_lsn < position}

    def _differences(self, change: Change, record: dict[str, Any]) -> Iterable[str]:
        metadata = record["metadata"]
        if metadata["TableName"] not in change.table.names:
            yield f"{change} came as one of {metadata['TableName']}"
        transaction = change.place[0]
        if self._lsns.setdefault(transaction, metadata["LSN"]) != metadata["LSN"]:
            yield f"{change} came with LSN {metadata['LSN']}, others of its transaction with {self._lsns[transaction]}"
        unchanged = set(metadata.get("Unchanged", ()))
        expected = {name: value for name, value in change.data.items() if name not in unchanged}
        if _plain(expected) != record["data"]:
            yield f"{change} came as {record['data']}, not as {_plain(expected)}"
        untouched = change.large - set(change.changed)
        if not unchanged <= untouched:
            yield f"{change} came with {unchanged} as unchanged"
        if change.operation == "Update" and metadata["Changed"] != change.changed:
            yield f"{change} came with {metadata['Changed']} as changed, not {change.changed}"
        # Of what did not change, the old row may lack large values.
        old = record.get("before")
        was = _plain(change.before) if change.before is not None else None
        if (old is None) != (was is None):
            yield f"{change} came with {old} for the row before"
        elif old is not None and was is not None:
            left_out = set() if change.operation == "Delete" else untouched
            if {**{name: was[name] for name in left_out & was.keys()}, **old} != was:
                yield f"{change} came with {old} for the row before, not {was}"


def _walk(expected: dict[tuple[str, int], Change], seen: Iterable[Change]) -> Iterable[str]:
    """Hold a run's changes against those expected, and take away what was seen. Statements come in their order."""
    for change in seen:
        if change.identity not in expected:
            yield f"came again: {change}"
            continue
        for earlier in list(takewhile(lambda other, now=change: other.place < now.place, expected.values())):  # type: ignore[misc]
            if not earlier.may_be_lost:
                yield f"was left out: {earlier}, before {change}"
            del expected[earlier.identity]
        del expected[change.identity]


def _fold_faults(ledger: Ledger, runs: Sequence[Delivered]) -> Iterable[str]:
    """Where the tables that a sink makes of everything, as it came, differ from the database's."""
    tables = {name: table for table in ledger.tables for name in table.names}
    folded: dict[int, dict[Key, Row]] = {id(table): {} for table in ledger.tables}
    faults: list[str] = []
    for run in runs:
        for record in run.records:
            name, data, before = record["metadata"]["TableName"], record["data"], record.get("before") or {}
            if name not in tables:
                faults.append(f"a record of an unknown table: {record}")
                continue
            table, rows = tables[name], folded[id(tables[name])]
            operation = record["metadata"]["OperationType"]
            old = rows.pop(table.key_of(before), {}) if operation in ("Update", "Delete") else {}
            if operation != "Delete":
                # A row that a snapshot brought already may meet older changes of itself, which say less than it does.
                rows[table.key_of(data)] = {**rows.get(table.key_of(data), {}), **old, **data}
    for table in ledger.tables:
        faults += _table_faults(table, folded[id(table)])
    return faults


def _table_faults(table: Table, folded: dict[Key, Row]) -> Iterable[str]:
    if table.captured is None:
        return
    for key in folded.keys() - table.rows.keys() - table.undeletable:
        yield f"{table.name} has no row {key}, the sink does: {folded[key]}"
    for key, row in table.rows.items():
        got = folded.get(key)
        if got is None:
            yield f"row {key} of {table.name} is not in the sink"
            continue
        for column in table.captured:
            if column.name not in table.columns:
                continue  # dropped
            if column.name not in got:
                if row[STAMP] >= column.since and not (column.since and column.is_large):
                    yield f"row {key} of {table.name} came without {column.name}"
            elif got[column.name] != _plain(row)[column.name]:
                yield f"row {key} of {table.name} has {row[column.name]!r} in {column.name}, not {got[column.name]!r}"


def _plain(row: Row) -> Row:
    """The row as JSON."""
    return {
        name: base64.b64encode(value).decode() if isinstance(value, bytes) else value for name, value in row.items()
    }
