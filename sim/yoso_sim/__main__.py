"""The program ``yoso``: `yoso_sim.cli`, and before it one line for an interrupt while Python still loads."""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import NoReturn


def leave(number: int, frame: FrameType | None) -> NoReturn:
    """End at once, since nothing has been begun; an exception could be lost in a library that loads."""
    os.write(2, b"Error: interrupted before anything was begun\n")
    os._exit(1)


def main() -> None:
    """Run the command."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, leave)
    from yoso_sim import cli

    try:
        cli.main(prog_name="yoso")
    except KeyboardInterrupt:  # while the last word was said
        os._exit(1)


if __name__ == "__main__":
    main()
