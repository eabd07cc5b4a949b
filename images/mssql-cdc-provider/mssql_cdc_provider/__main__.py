"""The provider as a process."""

import gc
import logging
import os
import sys

from dstream_sdk import run_provider
from mssql_cdc_provider.provider import MssqlCdc

# Rows by the thousand and no cycles among them: looking for cycles at every 700 objects took a tenth of the CPU.
gc.set_threshold(100_000)
try:
    run_provider(MssqlCdc)
except SystemExit as end:
    if "mssql_python" not in sys.modules:
        raise
    # Threads may still be in its native code, closing a connection or waiting for a server. Where the interpreter is
    # taken apart around them, the process crashes in place of ending with its exit code.
    logging.shutdown()
    sys.stdout.flush()
    os._exit(end.code if isinstance(end.code, int) else 1)
