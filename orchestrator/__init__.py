"""The orchestrator behind the `dstream` command."""
