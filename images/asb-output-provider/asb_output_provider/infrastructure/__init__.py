"""The queues of a task: made by `init`, looked after by `plan` and `status`, removed by `destroy`."""
