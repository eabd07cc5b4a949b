"""What change data capture writes of what transactions do. Runs against a real server too."""

from __future__ import annotations

import pytest

from tests.integration.servers.sqlserver.changes import AFTER, BEFORE, DELETE, INSERT, changes, enable, error_of
from tests.integration.servers.sqlserver.conftest import Ask
from tests.servers.sqlserver import RealSqlServer, SqlServer

Server = SqlServer | RealSqlServer


@pytest.fixture(autouse=True)
def _tables(server: Server) -> None:
    server.execute("CREATE TABLE dbo.t (id int NOT NULL PRIMARY KEY, a nvarchar(20), b int)")
    enable(server, "t")


def test_a_transaction_has_one_lsn_later_than_its_rows(server: Server, ask: Ask) -> None:
    ask("BEGIN TRAN; INSERT INTO dbo.t VALUES (1, N'x', 1); INSERT INTO dbo.t VALUES (2, N'y', 2); COMMIT")
    found = changes(server, "dbo_t")
    assert [(change.operation, change.values) for change in found] == [(INSERT, (1, "x", 1)), (INSERT, (2, "y", 2))]
    assert len({change.lsn for change in found}) == 1
    assert found[0].sequence < found[1].sequence


def test_transactions_are_in_the_order_of_their_commits(server: Server, ask: Ask) -> None:
    with server.connect() as other, other.cursor() as cursor:
        cursor.execute("BEGIN TRAN; INSERT INTO dbo.t VALUES (1, N'first written', 1)")
        ask("INSERT INTO dbo.t VALUES (2, N'first committed', 2)")
        cursor.execute("COMMIT")
    first, second = changes(server, "dbo_t")
    assert (first.values[0], second.values[0]) == (2, 1)
    assert first.lsn < second.lsn
    assert second.sequence < first.sequence, "the places of rows in the log say nothing across transactions"


def test_what_is_rolled_back_leaves_nothing(server: Server, ask: Ask) -> None:
    ask("BEGIN TRAN; INSERT INTO dbo.t VALUES (1, N'x', 1); ROLLBACK")
    ask("INSERT INTO dbo.t VALUES (2, N'y', 2)")
    assert [change.values[0] for change in changes(server, "dbo_t")] == [2]
    assert ask("SELECT id FROM dbo.t") == [(2,)]


def test_a_statement_that_fails_leaves_nothing(server: Server, ask: Ask) -> None:
    ask("INSERT INTO dbo.t VALUES (1, N'x', 1)")
    assert error_of(server, "INSERT INTO dbo.t VALUES (2, N'y', 2), (1, N'again', 1)") == 2627
    assert [change.values[0] for change in changes(server, "dbo_t")] == [1]


def test_an_update_has_two_rows_under_one_place_and_a_mask(server: Server, ask: Ask) -> None:
    ask("INSERT INTO dbo.t VALUES (1, N'x', 1)")
    ask("UPDATE dbo.t SET b = 2 WHERE id = 1")
    inserted, before, after = changes(server, "dbo_t")
    assert inserted.mask == b"\x07"
    assert (before.operation, before.values) == (BEFORE, (1, "x", 1))
    assert (after.operation, after.values) == (AFTER, (1, "x", 2))
    assert before.sequence == after.sequence
    assert before.mask == after.mask == b"\x04"


def test_a_changed_key_is_a_delete_and_an_insert(server: Server, ask: Ask) -> None:
    ask("INSERT INTO dbo.t VALUES (1, N'x', 1)")
    ask("UPDATE dbo.t SET id = 5 WHERE id = 1")
    _, gone, come = changes(server, "dbo_t")
    assert (gone.operation, gone.values[0], come.operation, come.values[0]) == (DELETE, 1, INSERT, 5)


def test_a_transaction_updates_its_own_rows_beside_others(server: Server, ask: Ask) -> None:
    ask("INSERT INTO dbo.t VALUES (1, N'x', 1), (2, N'y', 1), (3, N'z', 1)")
    ask("DELETE FROM dbo.t WHERE id < 3")
    updates = "UPDATE dbo.t SET b = b + 1; " * 3
    ask(f"BEGIN TRAN; INSERT INTO dbo.t VALUES (4, N'x', 1), (5, N'y', 1); {updates} COMMIT")
    assert ask("SELECT id, b FROM dbo.t ORDER BY id") == [(3, 4), (4, 4), (5, 4)]
    assert [change.values[2] for change in changes(server, "dbo_t") if change.operation == AFTER] == [2] * 3 + [
        3
    ] * 3 + [4] * 3


def test_a_transaction_deletes_its_own_rows_beside_others(server: Server, ask: Ask) -> None:
    ask("INSERT INTO dbo.t VALUES (1, N'x', 1), (2, N'y', 1), (3, N'z', 1)")
    ask(
        "BEGIN TRAN; INSERT INTO dbo.t VALUES (4, N'x', 1), (5, N'y', 1); DELETE FROM dbo.t WHERE id IN (4, 1, 2);"
        " UPDATE dbo.t SET b = 2 WHERE id = 3; DELETE FROM dbo.t WHERE id IN (3, 5); COMMIT"
    )
    assert ask("SELECT id FROM dbo.t") == []
    assert [one.values[0] for one in changes(server, "dbo_t") if one.operation == DELETE][-2:] == [3, 5]


def test_keys_that_change_places_fold_to_what_the_table_has(server: Server, ask: Ask) -> None:
    ask("INSERT INTO dbo.t VALUES (1, N'one', 1), (2, N'two', 2)")
    ask("UPDATE dbo.t SET id = 3 - id")
    rows: dict[int, str] = {}
    for change in changes(server, "dbo_t"):
        if change.operation in (DELETE, BEFORE):
            del rows[change.values[0]]
        else:
            rows[change.values[0]] = change.values[1]
    assert rows == {1: "two", 2: "one"}


def test_the_mask_begins_at_its_last_byte(server: Server, ask: Ask) -> None:
    columns = ", ".join(f"c{at} int" for at in range(2, 11))
    server.execute(f"CREATE TABLE dbo.wide (c1 int PRIMARY KEY, {columns})")
    enable(server, "wide")
    ask(f"INSERT INTO dbo.wide VALUES ({', '.join('1' * 10)})")
    ask("UPDATE dbo.wide SET c2 = 5, c10 = 5")
    inserted, before, _ = changes(server, "dbo_wide")
    assert inserted.mask == b"\x03\xff"
    assert before.mask == b"\x02\x02"
    assert ask("SELECT sys.fn_cdc_is_bit_set(2, 0x0202) AS a, sys.fn_cdc_is_bit_set(3, 0x0202) AS b") == [(1, 0)]
    assert ask(
        "SELECT sys.fn_cdc_get_column_ordinal(N'dbo_wide', N'c10') AS o,"
        " sys.fn_cdc_has_column_changed(N'dbo_wide', N'c10', 0x0202) AS c"
    ) == [(10, 1)]


def test_large_values_that_did_not_change_are_left_out_of_the_old_row(server: Server, ask: Ask) -> None:
    server.execute(
        "CREATE TABLE dbo.large (id int PRIMARY KEY, a nvarchar(max), b varbinary(max), c text, "
        " d AS id * 2, e varchar(9))"
    )
    enable(server, "large")
    ask("INSERT INTO dbo.large (id, a, b, c, e) VALUES (1, N'long', 0x01, 'old', 'e')")
    ask("UPDATE dbo.large SET e = 'f'")
    ask("UPDATE dbo.large SET a = N'longer'")
    ask("DELETE FROM dbo.large")
    _, before, after, changed_before, changed_after, deleted = changes(server, "dbo_large")
    assert before.values[:3] == (1, None, None)
    assert before.values[3] is None
    assert after.values[:3] == (1, "long", b"\x01")
    assert changed_before.values[1:3] == ("long", None)
    assert changed_after.values[1] == "longer"
    assert deleted.values[1:4] == ("longer", b"\x01", None)
    assert {change.values[4] for change in (before, after, deleted)} == {None}, "a computed column"


def test_captured_columns_may_be_chosen(server: Server, ask: Ask) -> None:
    enable(server, "t", capture_instance="some", captured_column_list="id, b")
    ask("INSERT INTO dbo.t VALUES (1, N'x', 7)")
    ask("UPDATE dbo.t SET b = 8")
    assert [(change.mask, change.values) for change in changes(server, "some")] == [
        (b"\x03", (1, 7)),
        (b"\x02", (1, 7)),
        (b"\x02", (1, 8)),
    ]


def test_an_instance_has_what_came_after_it_and_a_table_two_at_most(server: Server, ask: Ask) -> None:
    ask("INSERT INTO dbo.t VALUES (1, N'x', 1)")
    enable(server, "t", capture_instance="second")
    ask("INSERT INTO dbo.t VALUES (2, N'y', 2)")
    assert [change.values[0] for change in changes(server, "dbo_t")] == [1, 2]
    assert [change.values[0] for change in changes(server, "second")] == [2]
    third = "EXEC sys.sp_cdc_enable_table N'dbo', N't', NULL, @capture_instance = N'third'"
    assert error_of(server, third) == 22962


def test_all_changes_leave_out_old_rows_unless_asked(server: Server, ask: Ask) -> None:
    ask("INSERT INTO dbo.t VALUES (1, N'x', 1)")
    ask("UPDATE dbo.t SET b = 2")
    server.settle()
    window = "sys.fn_cdc_get_min_lsn('dbo_t'), sys.fn_cdc_get_max_lsn()"
    asked = f"SELECT [__$operation] FROM cdc.fn_cdc_get_all_changes_dbo_t({window}, N'all') ORDER BY [__$start_lsn]"
    assert ask(asked) == [(INSERT,), (AFTER,)]


def test_net_changes_are_one_row_for_each_key(server: Server, ask: Ask) -> None:
    server.execute("CREATE TABLE dbo.n (id int NOT NULL PRIMARY KEY, a int, b int)")
    enable(server, "n", supports_net_changes="1")
    ask("INSERT INTO dbo.n VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3)")
    server.settle()
    [(start,)] = ask("SELECT sys.fn_cdc_increment_lsn(sys.fn_cdc_get_max_lsn()) AS l")
    ask("INSERT INTO dbo.n VALUES (4, 4, 4), (5, 5, 5)")
    ask("UPDATE dbo.n SET a = 10 WHERE id = 1")
    ask("UPDATE dbo.n SET b = 20 WHERE id IN (1, 4)")
    ask("DELETE FROM dbo.n WHERE id IN (2, 5)")
    server.settle()

    def net(option: str) -> list[tuple[int, int, bytes | None]]:
        rows = ask(
            "SELECT id, [__$operation], [__$update_mask] FROM cdc.fn_cdc_get_net_changes_n"
            f"(0x{start.hex()}, sys.fn_cdc_get_max_lsn(), N'{option}') ORDER BY id".replace(
                "changes_n(", "changes_dbo_n("
            )
        )
        return [(row[0], row[1], row[2]) for row in rows]

    assert [row[:2] for row in net("all")] == [(1, AFTER), (2, DELETE), (4, INSERT)]
    assert net("all with mask")[0] == (1, AFTER, b"\x06")
    assert [row[:2] for row in net("all with merge")] == [(1, 5), (2, DELETE), (4, 5)]


@pytest.mark.parametrize(
    "window",
    [
        "0x00000000000000000001, sys.fn_cdc_get_max_lsn(), N'all'",
        "sys.fn_cdc_get_min_lsn('dbo_t'), 0xFFFFFFFFFFFFFFFFFFFF, N'all'",
        "sys.fn_cdc_increment_lsn(sys.fn_cdc_get_max_lsn()), sys.fn_cdc_get_max_lsn(), N'all'",
        "NULL, sys.fn_cdc_get_max_lsn(), N'all'",
        "sys.fn_cdc_get_min_lsn('dbo_t'), sys.fn_cdc_get_max_lsn(), N'everything'",
    ],
    ids=["before its start", "after the end", "backwards", "null", "unknown option"],
)
def test_a_window_that_the_instance_does_not_have_is_error_313(server: Server, ask: Ask, window: str) -> None:
    ask("INSERT INTO dbo.t VALUES (1, N'x', 1)")
    server.settle()
    assert error_of(server, f"SELECT * FROM cdc.fn_cdc_get_all_changes_dbo_t({window})") == 313


def test_what_is_disabled_is_gone(server: Server, ask: Ask) -> None:
    ask("INSERT INTO dbo.t VALUES (1, N'x', 1)")
    server.settle()
    assert ask("SELECT is_tracked_by_cdc FROM sys.tables WHERE name = N't'") == [(True,)]
    ask("EXEC sys.sp_cdc_disable_table @source_schema = N'dbo', @source_name = N't', @capture_instance = N'all'")
    assert error_of(server, "SELECT * FROM cdc.fn_cdc_get_all_changes_dbo_t(0x01, 0x02, N'all')") == 208
    assert error_of(server, "SELECT * FROM cdc.dbo_t_CT") == 208
    assert ask("SELECT is_tracked_by_cdc FROM sys.tables WHERE name = N't'") == [(False,)]
    assert ask("SELECT sys.fn_cdc_get_min_lsn(N'dbo_t') AS l") == [(bytes(10),)]


def test_time_and_lsn_are_mapped_both_ways(server: Server, ask: Ask) -> None:
    ask("INSERT INTO dbo.t VALUES (1, N'x', 1)")
    [change] = changes(server, "dbo_t")
    lsn = f"0x{change.lsn.hex()}"
    assert ask(
        f"SELECT sys.fn_cdc_map_time_to_lsn('smallest greater than or equal', sys.fn_cdc_map_lsn_to_time({lsn})) AS l"
    ) == [(change.lsn,)]
    assert ask(f"SELECT DATEDIFF(minute, sys.fn_cdc_map_lsn_to_time({lsn}), GETDATE()) AS m") == [(0,)]


def test_instances_are_described(server: Server, ask: Ask) -> None:
    [row] = ask("EXEC sys.sp_cdc_help_change_data_capture @source_schema = N'dbo', @source_name = N't'")
    assert row[:3] == ("dbo", "t", "dbo_t")
    assert row[13:15] == ("[id]", "[id], [a], [b]")
    captured = ask("SELECT column_name, column_ordinal FROM cdc.captured_columns ORDER BY column_ordinal")
    assert [row for row in captured if row[0] != "marker"] == [("id", 1), ("a", 2), ("b", 3)]
