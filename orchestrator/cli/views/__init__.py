"""What is known of tasks, runs and this host, as people and programs read it."""
