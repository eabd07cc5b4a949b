"""The infrastructure of a task: `init`, `plan`, `status` and `destroy`."""
