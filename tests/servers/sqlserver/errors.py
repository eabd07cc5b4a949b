"""The errors SQL Server raises, with the numbers a client tells them by.

The numbers and words are those of `sys.messages` ("Database Engine events and errors" in Microsoft's documentation).
"""

from __future__ import annotations

import re

import duckdb
from pysqlbridge.tds.result import QueryError

__all__ = ["QueryError", "error", "translated"]

_MESSAGES: dict[int, tuple[int, str]] = {  # number: (severity, words)
    102: (15, "Incorrect syntax near '{}'."),
    137: (15, 'Must declare the scalar variable "{}".'),
    201: (16, "Procedure or function '{}' expects parameter '{}', which was not supplied."),
    207: (16, "Invalid column name '{}'."),
    208: (16, "Invalid object name '{}'."),
    213: (16, "Column name or number of supplied values does not match table definition."),
    229: (14, "The {} permission was denied on the object '{}', database '{}', schema '{}'."),
    245: (16, "Conversion failed: {}"),
    313: (16, "An insufficient number of arguments were supplied for the procedure or function {} ... ."),
    515: (16, "Cannot insert the value NULL into column '{}', table '{}'; column does not allow nulls. {} fails."),
    911: (16, "Database '{}' does not exist. Make sure that the name is entered correctly."),
    916: (14, 'The server principal "{}" is not able to access the database "{}" under the current security context.'),
    1205: (
        13,
        "Transaction (Process ID {}) was deadlocked on lock resources with another process and has been chosen as the"
        " deadlock victim. Rerun the transaction.",
    ),
    1222: (16, "Lock request time out period exceeded."),
    1781: (16, "Column already has a DEFAULT bound to it."),
    2627: (14, "Violation of PRIMARY KEY constraint '{}'. Cannot insert duplicate key in object '{}'."),
    2628: (16, "String or binary data would be truncated in table '{}', column '{}'."),
    2705: (
        16,
        "Column names in each table must be unique. Column name '{}' in table '{}' is specified more than once.",
    ),
    2714: (16, "There is already an object named '{}' in the database."),
    2812: (16, "Could not find stored procedure '{}'."),
    3701: (11, "Cannot drop the {} '{}', because it does not exist or you do not have permission."),
    3902: (16, "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION."),
    3903: (16, "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION."),
    3952: (
        16,
        "Snapshot isolation transaction failed accessing database '{}' because snapshot isolation is not allowed in"
        " this database. Use ALTER DATABASE to allow snapshot isolation.",
    ),
    4711: (
        16,
        "Cannot truncate table '{}' because it is published for replication or enabled for Change Data Capture.",
    ),
    4902: (16, 'Cannot find the object "{}" because it does not exist or you do not have permissions.'),
    4928: (16, "Cannot alter column '{}' because it is 'REPLICATED'."),
    8144: (16, "Procedure or function {} has too many arguments specified."),
    15151: (16, "Cannot find the {} '{}', because it does not exist or you do not have permission."),
    15023: (16, "User, group, or role '{}' already exists in the current database."),
    15225: (
        11,
        "No item by the name of '{}' could be found in the current database '{}', given that @itemtype was input"
        " as '{}'.",
    ),
    15233: (16, "Property cannot be added. Property '{}' already exists for '{}'."),
    15217: (16, "Cannot update or delete the property. Property '{}' does not exist for '{}'."),
    22901: (16, "The database '{}' is not enabled for Change Data Capture."),
    22902: (16, "Caller is not authorized to initiate the requested action. Sysadmin privileges are required."),
    22904: (16, "Caller is not authorized to initiate the requested action. DBO privileges are required."),
    22905: (16, "Database '{}' is already enabled for Change Data Capture."),
    22920: (16, "The named capture instance {} does not exist for database {}."),
    22926: (
        16,
        "Could not create a capture instance because the capture instance name '{}' already exists in the current"
        " database. Specify an explicit unique name for the parameter @capture_instance.",
    ),
    22930: (16, "Could not locate '{}' as a column of source table '{}'. Specify a valid column name."),
    22931: (16, "Source table '{}' does not exist in the current database."),
    22938: (
        16,
        "The parameter @supports_net_changes is set to 1, but the source table does not have a primary key defined and"
        " no alternate unique index has been specified.",
    ),
    22960: (16, "Change data capture instance '{}' has not been enabled for the source table '{}'."),
    22962: (
        16,
        "Two capture instances already exist for source table '{}'. A table can have at most two capture instances.",
    ),
    22964: (
        16,
        "LSN {}, specified as the new low end point for change table cleanup must represent the start_lsn value of a"
        " current entry in the cdc.lsn_time_mapping table.",
    ),
}


def error(number: int, *words: object, state: int = 1) -> QueryError:
    """The error of that number, its message filled with `words`."""
    severity, message = _MESSAGES[number]
    return QueryError(message.format(*words), number=number, severity=severity, state=state)


def translated(failure: duckdb.Error) -> QueryError:
    """The SQL Server error that says what DuckDB's says."""
    words = str(failure)
    if found := re.search(
        r"(?:Table|Function)\b[^\n]*? with name \"?([^\s\"!]+)\"? does not exist", words, re.IGNORECASE
    ):
        return error(208, found[1])
    if found := re.search(
        r"column \"([^\"]+)\" not found|Referenced column \"([^\"]+)\"|does not have a column with"
        r" name \"([^\"]+)\"",
        words,
    ):
        return error(207, next(filter(None, found.groups())))
    if found := re.search(r"NOT NULL constraint failed: (\S+)\.(\S+)", words):
        return error(515, found[2], found[1], "INSERT")
    if isinstance(failure, duckdb.TransactionException):
        return error(1205, 0)
    if isinstance(failure, duckdb.ConversionException | duckdb.OutOfRangeException):
        return error(245, words)
    if isinstance(failure, duckdb.ParserException):
        return error(102, words)
    return QueryError(words)
