"""What dstream and systemd say to each other: a unit for a task, and the messages of its run."""
