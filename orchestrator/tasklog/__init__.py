"""A task's log: what its runs and its providers said, one JSON object a line, across runs, never more than so much."""
