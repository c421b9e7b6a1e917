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

    Where a run comes to its end before it is killed, the next one begins anew, in a folder of its own, since
    what was left running may go on in the old one. Every run that ends must have the result of the first,
    which nothing stopped; and of what was started, nothing runs on.
    """
    rng, done, ends = Random(seed), 0, 0
    began = time.monotonic()
    due = work.finish(here, outs / "whole")
    seconds = time.monotonic() - began
    out = outs / "killed"
    started: list[int] = []

    def ended(process: subprocess.Popen[bytes], said: bytes) -> None:
        after = f"after {done} kills, seed {seed}"
        assert process.returncode == 0, f"{after}: {said.decode()}"
        assert work.result(out) == due, after
        left = [path.name for path in out.rglob("*.part")]
        assert not left, left

    while done < kills:
        process = work.start(here, out)
        started.append(process.pid)
        try:
            said = process.communicate(timeout=rng.uniform(0, seconds))[0]
        except subprocess.TimeoutExpired:
            if done % 2:
                process.kill()
            else:
                os.killpg(process.pid, signal.SIGKILL)
            done += 1
            process.wait()
            process.stdout.close()  # type: ignore[union-attr]
        else:
            ended(process, said)
            ends += 1
            shutil.rmtree(out, ignore_errors=True)
            out = outs / f"killed-{ends}"
    process = work.start(here, out)
    ended(process, process.communicate()[0])
    wait_for_end(started, 4 * seconds)
    return f"{done} kills of {seconds:.1f} s of work, {ends + 1} runs came to the end, all with one result"


def wait_for_end(groups: list[int], most: float) -> None:
    """Wait until no process of some groups is left, for so many seconds at most."""
    until = time.monotonic() + most
    while left := [group for group in groups if is_alive(group)]:
        assert time.monotonic() < until, f"process groups {left} run on"
        time.sleep(0.1)


def is_alive(group: int) -> bool:
    """Whether a process of a group runs; one that has ended and that nobody waits for does not."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, of = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:  # it has ended in between
            continue
        if int(of) == group and state != "Z":
            return True
    return False
