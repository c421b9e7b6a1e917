"""Processes of a pool that end when the process that started them has, killed or not.

One of `concurrent.futures` waits for its next task for ever: it holds both ends of its queue, so it never
hears that nobody is left at the other one.
"""

from __future__ import annotations

import os
import threading
import time

#: Seconds between two looks at the parent.
PAUSE = 0.5

#: Held by a task that is to come to its end all the same.
working = threading.Lock()


def end_with(parent: int) -> None:
    """Initializer of a pool: have this process end once process number `parent` is not its parent."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PAUSE)
        with working:
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
