"""A provider's logs: plain lines on stderr."""

from __future__ import annotations

import logging
import os
import sys

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


def start_logs(name: str) -> logging.Logger:
    """Log to stderr at the level of `DSTREAM_LOG_LEVEL` (debug, info, warn or error; info by default)."""
    wanted = os.environ.get("DSTREAM_LOG_LEVEL", "info").lower()
    logging.basicConfig(
        stream=sys.stderr,
        level=LEVELS.get(wanted, logging.INFO),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        force=True,
    )
    logger = logging.getLogger(name)
    if wanted not in LEVELS:
        logger.warning("DSTREAM_LOG_LEVEL is `%s`, not one of %s: taken as info", wanted, ", ".join(LEVELS))
    return logger
