"""What is wrong with a task's report."""


class TaskError(RuntimeError):
    """A report is missing or not what a task writes; the message says which command makes it."""
