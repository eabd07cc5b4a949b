"""A database that lives: random transactions, several at a time, changes of shape, cleanup and faults."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pysqlbridge.tds.result import Query

from tests.faults.mssql.columns import WIDER, Column, constant, some_column, some_value
from tests.faults.mssql.ledger import STAMP, Key, Ledger, Row, Table, Write

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from tests.servers.sqlserver import SqlServer
    from tests.servers.sqlserver.sessions import Session

MOST_OPEN = 3
"""Transactions at a time."""

MOST_ROWS = 20

STRIDE = 1 << 20
"""Between the stamps of two statements: above every id."""


@dataclass
class Transaction:
    """An open one. `seen` are the rows as it sees them, `writes` what it did, `claimed` where."""

    session: Session
    seen: dict[int, dict[Key, Row]]
    writes: list[Write] = field(default_factory=list)
    claimed: set[tuple[int, Key]] = field(default_factory=set)
    statements: int = 0


class Workload:
    """Every change goes to the server first and then into `ledger`. One thread.

    `durable` is the LSN up to which the reader has stored that it knows everything, None before it has.
    """

    def __init__(
        self, server: SqlServer, choice: random.Random, durable: Callable[[], bytes | None], *, lossy: bool
    ) -> None:
        self._server = server
        self._choice = choice
        self._durable = durable
        self._lossy = lossy
        self.ledger = Ledger()
        self.tables = self.ledger.tables
        self._open: list[Transaction] = []
        self._stamps = 0
        self._ids = 0
        self._names = 0
        for _ in range(choice.randint(1, 3)):
            self._make_table()

    def step(self) -> None:
        """Do one random thing."""
        kinds: list[tuple[Callable[[], None], int]] = [
            (self._write, 60),
            (self._end, 25),
            (self._change_shape, 5),
            (self._clean_up, 2),
            (self._harm, 6),
            (self._slow_down, 2),
            (self._lose if self._lossy else self._write, 3),
        ]
        (act,) = self._choice.choices([act for act, _ in kinds], [weight for _, weight in kinds])
        act()

    def write(self) -> None:
        """Do one random thing to the rows, in an old transaction or a new one, or end one."""
        self._choice.choices([self._write, self._end], [3, 1])[0]()

    def write_rows(self) -> None:
        """Put rows into every table, in one transaction each."""
        for table in self.tables:
            transaction = self._begin()
            self._insert(transaction, table, self._choice.randint(0, 15))
            self._commit(transaction)

    def settle(self) -> bytes:
        """End every transaction and fault, and have all captured. Returns the LSN that the reader must come to."""
        self._settle_transactions()
        self._server.faults.clear()
        self._server.capture.lag = 0.0
        self._server.capture.start()
        self._server.capture.scan()
        end = self._lsn()
        self._server.capture.note_idle()
        return end

    def captured(self) -> bytes:
        """The LSN up to which the log was scanned by now."""
        newest = self._server.engine.database.duck.cursor().execute("SELECT max(start_lsn) FROM cdc.lsn_time_mapping")
        ((found,),) = newest.fetchall()
        return found or b""

    # Transactions

    def _write(self) -> None:
        choice = self._choice
        if self._open and (len(self._open) == MOST_OPEN or choice.random() < 0.6):
            transaction = choice.choice(self._open)
        else:
            transaction = self._begin()
            self._open.append(transaction)
        for _ in range(choice.randint(1, 4)):
            self._statement(transaction)
        if choice.random() < 0.05:
            for _ in range(2):  # several pages
                self._insert(transaction, choice.choice(self.tables), 15)
                self._update(transaction, choice.choice(self.tables), MOST_ROWS)

    def _end(self) -> None:
        if self._open:
            transaction = self._open.pop(self._choice.randrange(len(self._open)))
            if self._choice.random() < 0.15:
                transaction.session.end()
            else:
                self._commit(transaction)

    def _settle_transactions(self) -> None:
        while self._open:
            self._end()

    def _begin(self) -> Transaction:
        session = self._server.engine.session()
        session.log_in(self._server.user)
        session.answer(Query("BEGIN TRAN; UPDATE dbo.Nothing SET id = 0"))  # sees what is there now
        return Transaction(session, {id(table): dict(table.rows) for table in self.tables})

    def _commit(self, transaction: Transaction) -> None:
        before = self._lsn()
        transaction.session.answer(Query("COMMIT"))
        transaction.session.end()
        self.ledger.commit(transaction.writes, before)

    def _statement(self, transaction: Transaction) -> None:
        choice = self._choice
        table = choice.choice(self.tables)
        (kind,) = choice.choices(["insert", "update", "delete", "rekey"], [4, 6, 2, 1])
        if kind == "insert" and len(table.rows) < MOST_ROWS:
            self._insert(transaction, table, choice.randint(1, 4))
        elif kind == "delete":
            self._delete(transaction, table, choice.randint(1, 3))
        elif kind == "rekey":
            self._rekey(transaction, table)
        else:
            self._update(transaction, table, choice.randint(1, 5))

    def _insert(self, transaction: Transaction, table: Table, count: int) -> None:
        columns = list(table.columns.values())
        stamp = self._next_stamp()
        rows: list[Row] = []
        for _ in range(count):
            self._ids += 1
            row = {column.name: some_value(self._choice, column) for column in columns}
            row |= {"id": self._ids, STAMP: stamp + self._ids}
            if "part" in row:
                row["part"] = self._choice.choice("AB")
            rows.append(row)
        if rows:
            values = ", ".join(f"({', '.join(constant(one, row[one.name]) for one in columns)})" for row in rows)
            names = ", ".join(f"[{column.name}]" for column in columns)
            self._run(transaction, f"INSERT INTO dbo.[{table.name}] ({names}) VALUES {values}")
            self._note(transaction, table, [(None, row) for row in rows])

    def _update(self, transaction: Transaction, table: Table, most: int) -> None:
        rows = self._some_rows(transaction, table, most)
        free = [one for one in table.columns.values() if one.name not in (*table.key, STAMP)]
        if rows:
            chosen = self._choice.sample(free, min(len(free), self._choice.randint(0, 2)))
            new = {column.name: some_value(self._choice, column) for column in chosen}
            stamp = self._next_stamp()
            sets = [f"{STAMP} = {stamp} + id", *(f"[{one.name}] = {constant(one, new[one.name])}" for one in chosen)]
            self._run(transaction, f"UPDATE dbo.[{table.name}] SET {', '.join(sets)} WHERE {_among(rows)}")
            self._note(transaction, table, [(row, {**row, **new, STAMP: stamp + row["id"]}) for row in rows])

    def _delete(self, transaction: Transaction, table: Table, most: int) -> None:
        rows = self._some_rows(transaction, table, most)
        if rows:
            self._run(transaction, f"DELETE FROM dbo.[{table.name}] WHERE {_among(rows)}")
            self._note(transaction, table, [(row, None) for row in rows])

    def _rekey(self, transaction: Transaction, table: Table) -> None:
        if self._lossy and not table.has_key:
            return  # nobody could tell that the row of before is the one that is there now
        for row in self._some_rows(transaction, table, 1):
            self._ids += 1
            stamp = self._next_stamp()
            sets = f"id = {self._ids}, {STAMP} = {stamp}"
            self._run(transaction, f"UPDATE dbo.[{table.name}] SET {sets} WHERE {_among([row])}")
            self._note(transaction, table, [(row, {**row, "id": self._ids, STAMP: stamp})])

    def _some_rows(self, transaction: Transaction, table: Table, most: int) -> list[Row]:
        """Rows that no other transaction has changed since this one began: it would be a deadlock's victim."""
        claimed = set().union(*(other.claimed for other in self._open if other is not transaction))
        rows = [
            row
            for key, row in transaction.seen[id(table)].items()
            if (id(table), key) in transaction.claimed
            or (table.rows.get(key) is row and (id(table), key) not in claimed)
        ]
        return self._choice.sample(rows, min(len(rows), most))

    def _run(self, transaction: Transaction, sql: str) -> None:
        transaction.session.answer(Query(sql))

    def _note(self, transaction: Transaction, table: Table, rows: list[tuple[Row | None, Row | None]]) -> None:
        transaction.statements += 1
        seen = transaction.seen[id(table)]
        for before, after in rows:
            if before is not None:
                del seen[table.key_of(before)]
                transaction.claimed.add((id(table), table.key_of(before)))
            if after is not None:
                seen[table.key_of(after)] = after
                transaction.claimed.add((id(table), table.key_of(after)))
            transaction.writes.append((table, before, after, transaction.statements))

    def _next_stamp(self) -> int:
        self._stamps += STRIDE
        return self._stamps

    # Changes of shape: only while no transaction is open, as locks would have it

    def _change_shape(self) -> None:
        self._settle_transactions()
        acts = [self._add_column, self._drop_column, self._widen, self._new_instance, self._rename, self._make_table]
        act = self._choice.choice(acts)
        if act == self._make_table and len(self.tables) >= 4:
            act = self._new_instance
        act()

    def _make_table(self) -> None:
        choice = self._choice
        columns = [Column("id", "int"), Column(STAMP, "bigint")]
        keys: tuple[str, ...] = ("id",)
        kind = choice.choice(["id", "id", "id, part", ""])
        if kind == "id, part":
            columns.append(Column("part", "nvarchar(40)"))
            keys = ("id", "part")
        columns += [some_column(choice, f"c{at}") for at in range(choice.choice([1, 3, 5, 11]))]
        choice.shuffle(columns)
        table = Table(self._next_name(), keys, {column.name: column for column in columns}, has_key=bool(kind))
        table.names.add(table.name)
        definitions = [f"[{one.name}] {one.type}{' NOT NULL' * (one.name in keys)}" for one in columns]
        definitions += [f"PRIMARY KEY ({kind})"] if kind else []
        if not self.tables:
            self._server.execute("CREATE TABLE dbo.Nothing (id int)")
        self._server.execute(f"CREATE TABLE dbo.[{table.name}] ({', '.join(definitions)})")
        self._enable(table)
        self.tables.append(table)

    def _next_name(self) -> str:
        self._names += 1
        return self._choice.choice(["T{}", "Order {}", "it's {}"]).format(self._names)

    def _add_column(self) -> None:
        table = self._choice.choice(self.tables)
        self._names += 1
        # Rows from before may come without it, until they are written again.
        column = some_column(self._choice, f"c{self._names}_added", since=self._stamps + STRIDE)
        table.columns[column.name] = column
        for row in table.rows.values():
            row[column.name] = None
        self._server.execute(f"ALTER TABLE dbo.[{table.name}] ADD [{column.name}] {column.type}")
        if self._choice.random() < 0.7:
            self._renew(table)

    def _drop_column(self) -> None:
        table = self._choice.choice(self.tables)
        free = [name for name in table.columns if name not in (*table.key, "part", STAMP)]
        if len(free) > 1:
            name = self._choice.choice(free)
            self._server.execute(f"ALTER TABLE dbo.[{table.name}] DROP COLUMN [{name}]")
            del table.columns[name]
            for key, row in table.rows.items():
                table.rows[key] = {column: value for column, value in row.items() if column != name}

    def _widen(self) -> None:
        table = self._choice.choice(self.tables)
        for column in list(table.columns.values()):
            if column.type in WIDER and column.name not in (*table.key, STAMP):
                wider = Column(column.name, WIDER[column.type], column.since)
                table.columns[column.name] = wider
                self._server.execute(f"ALTER TABLE dbo.[{table.name}] ALTER COLUMN [{column.name}] {wider.type}")
                return

    def _new_instance(self) -> None:
        self._renew(self._choice.choice(self.tables))

    def _renew(self, table: Table) -> None:
        """A second capture instance. There is room for it once the reader is through with the older of two."""
        durable = self._durable()
        if len(table.instances) == 2:
            if durable is None or durable <= table.instances[1][1]:
                return
            self._disable(table, table.instances.pop(0)[0])
        if table.instances:
            self._enable(table)

    def _enable(self, table: Table) -> None:
        self._names += 1
        instance = f"i{self._names}"
        source = "N'" + table.name.replace("'", "''") + "'"
        self._server.execute(
            f"EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = {source}, @role_name = NULL, "
            f"@capture_instance = N'{instance}'"
        )
        table.instances.append((instance, self._lsn()))
        known = {column.name for column in table.captured or ()}
        for name, column in table.columns.items():
            if name not in known and column.since:
                table.columns[name] = Column(name, column.type, self._stamps + STRIDE)
        table.captured = tuple(table.columns.values())

    def _disable(self, table: Table, instance: str) -> None:
        source = "N'" + table.name.replace("'", "''") + "'"
        self._server.execute(
            f"EXEC sys.sp_cdc_disable_table @source_schema = N'dbo', @source_name = {source}, "
            f"@capture_instance = N'{instance}'"
        )

    def _rename(self) -> None:
        table = self._choice.choice(self.tables)
        if self._durable() is None:
            return
        name = self._next_name()
        quoted = table.name.replace("'", "''")
        self._server.execute(f"EXEC sp_rename N'dbo.[{quoted}]', N'{name.replace(chr(39), chr(39) * 2)}'")
        table.name = name
        table.names.add(name)

    # What takes changes away

    def _clean_up(self) -> None:
        """The cleanup job, which takes what the reader knows already."""
        durable = self._durable()
        if durable is not None:
            self._clean_up_before(durable, self.tables)

    def _lose(self) -> None:
        """Cleanup comes before the reader, or somebody disables a table's capture for a while."""
        self._settle_transactions()
        table = self._choice.choice(self.tables)
        if self._choice.random() < 0.5:
            self._server.capture.scan()
            end = self._lsn()
            self._clean_up_before(end, [table])
            self.ledger.lose(table, end)
            return
        for instance, _ in table.instances:
            self._disable(table, instance)
        table.instances.clear()
        table.captured = None
        self.ledger.lose(table, self._lsn())
        for _ in range(self._choice.randint(0, 3)):
            self._write()
        self._settle_transactions()
        self._enable(table)

    def _clean_up_before(self, lsn: bytes, tables: list[Table]) -> None:
        marks = self._server.engine.database.duck.cursor()
        ((mark,),) = marks.execute(
            "SELECT max(start_lsn) FROM cdc.lsn_time_mapping WHERE start_lsn <= ?", [lsn]
        ).fetchall()
        for instance in [instance for table in tables for instance, _ in table.instances]:
            found = self._server.capture.find(instance)
            if mark is not None and found is not None and found.start_lsn < mark:
                self._server.execute(
                    f"EXEC sys.sp_cdc_cleanup_change_table @capture_instance = N'{instance}', "
                    f"@low_water_mark = 0x{mark.hex()}, @threshold = 5000"
                )

    # What goes wrong at the server

    def _harm(self) -> None:
        choice, faults = self._choice, self._server.faults
        where = choice.choice(["", "update_mask", r"TOP \(", "lsn_time_mapping", "fn_cdc_get_max_lsn"])
        match choice.choice(["deadlock", "hang up", "cut", "drop all", "lock timeout", "delay", "refuse"]):
            case "deadlock":
                faults.fail(where, 1205, times=choice.randint(1, 2))
            case "lock timeout":
                faults.fail(where, 1222)
            case "hang up":
                faults.hang_up(where, times=choice.randint(1, 2))
            case "cut":
                faults.cut_after = choice.randint(1, 3000)
            case "drop all":
                self._server.drop_all()
            case "delay":
                faults.delay(where, 0.1)
            case "refuse":
                self._server.stop()
                self._server.start()

    def _slow_down(self) -> None:
        """The capture job lags behind, or rests."""
        capture = self._server.capture
        if self._choice.random() < 0.5:
            capture.lag = self._choice.choice([0.0, 0.02, 0.1])
        elif capture.running:
            capture.stop()
        else:
            capture.start()

    def _lsn(self) -> bytes:
        return self._server.engine.database.next_lsn()


def _among(rows: list[Row]) -> str:
    return f"id IN ({', '.join(str(row['id']) for row in rows)})"


def some_config(choice: random.Random, server: SqlServer, *, lossy: bool) -> dict[str, Any]:
    """How the provider is told to read it all."""
    allowed = choice.random() < 0.5
    server.execute(f"ALTER DATABASE {server.database} SET ALLOW_SNAPSHOT_ISOLATION {'ON' if allowed else 'OFF'}")
    server.capture.new_without_max = choice.random() < 0.5
    return {
        "connection_string": f"Server={server.host},{server.port};Database={server.database};"
        f"User Id={server.user};Password={server.password};Connect Timeout=30",
        "tables": ["*"],
        "exclude_tables": ["Nothing"],
        "snapshot": {"page_rows": choice.choice([5, 1000]), "parallelism": choice.randint(1, 2)},
        "poll_interval": "20ms",
        "max_poll_interval": "50ms",
        "heartbeat_interval": "60ms",
        "batch_rows": choice.choice([2, 3, 7, 1000]),
        "parallelism": choice.randint(1, 3),
        "query_timeout": "10s",
        "on_gap": choice.choice(["fail", "resnapshot"]) if lossy else "fail",
    }
