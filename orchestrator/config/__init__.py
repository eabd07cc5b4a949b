"""dstream.hcl: from text to the tasks it describes."""

from orchestrator.config.load import load_project

__all__ = ["load_project"]
