"""An output that writes each table's records to its own queue of Azure Service Bus."""

__version__ = "0.1.0"
