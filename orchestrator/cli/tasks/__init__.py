"""What the verbs do with one task besides running it: its infrastructure, its state, its dead letters."""
