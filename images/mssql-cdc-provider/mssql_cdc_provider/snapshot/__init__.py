"""Reading the rows that are there already, so that they fit the changes that are streamed.

The rule that makes them fit: a page of rows is read when everything that was streamed so far is committed and
visible, and sent before anything newer is streamed. A row's later changes then always come after the row, and
what is streamed twice (a change that the row shows already) ends in the same row.

At a task's first start the position to stream from is taken first, and with snapshot isolation all rows are read
in one view behind it, before anything is streamed. Without it, and for tables that are read while streaming, the
stream stands still for a slice of pages and then goes on to its next position, slice by slice.
"""

from mssql_cdc_provider.snapshot.snapshots import Snapshots
from mssql_cdc_provider.snapshot.subject import Subject

__all__ = ["Snapshots", "Subject"]
