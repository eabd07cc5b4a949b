"""What `dstream doctor` looks at: one module for each check of what a task needs of its host."""
