"""An input that reads the committed changes of SQL Server tables."""

__version__ = "0.1.0"
