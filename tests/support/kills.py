"""Kill long work at random moments, and see that what is left equals a run that nothing stopped."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from support.faults import environment


@dataclass(frozen=True)
class Work:
    """A command that goes on where it was stopped.

    Attributes
    ----------
    words
        What Python is to run.
    result
        Of an output folder: what it comes to, without figures of time.
    """

    words: tuple[str, ...]
    result: Callable[[Path], Any]

    def start(self, here: Path, out: Path) -> subprocess.Popen[bytes]:
        """In a group of its own, so that all of it can be killed."""
        return subprocess.Popen(
            [sys.executable, *self.words],
            cwd=here,
            env=environment(YOSO_OUTPUT=out),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def finish(self, here: Path, out: Path) -> Any:
        """Run it to its end; the result."""
        process = self.start(here, out)
        said = process.communicate()[0].decode()
        assert process.returncode == 0, said
        return self.result(out)


def kill(work: Work, here: Path, outs: Path, kills: int, seed: int) -> str:
    """Kill `work` so many times, the command alone or with all its children in turn; what that came to.

    Where a run comes to its end before it is killed, the next one begins anew. Every run that ends must have
    the result of the first, which nothing stopped.
    """
    rng, done, ends = Random(seed), 0, 0
    began = time.monotonic()
    due = work.finish(here, outs / "whole")
    seconds = time.monotonic() - began
    out = outs / "killed"
    while done < kills:
        process = work.start(here, out)
        try:
            process.communicate(timeout=rng.uniform(0, seconds))
        except subprocess.TimeoutExpired:
            if done % 2:
                process.kill()
            else:
                os.killpg(process.pid, signal.SIGKILL)
            done += 1
            process.wait()
            process.stdout.close()  # type: ignore[union-attr]
        else:
            assert process.returncode == 0 and work.result(out) == due, f"after {done} kills, seed {seed}"
            ends += 1
            shutil.rmtree(out)
    assert work.finish(here, out) == due, f"after {done} kills, seed {seed}"
    left = [path.name for path in out.rglob("*.part")]
    assert not left, left
    return f"{done} kills of {seconds:.1f} s of work, {ends + 1} runs came to the end, all with one result"
