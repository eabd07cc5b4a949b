"""An output that shows every record to the user."""

__version__ = "0.1.0"
