"""Processes of a pool end with the one that started them (`yoso_hw.workers`)."""

import os
import signal
import subprocess
import sys
import time

from support.faults import environment
from support.kills import is_alive

#: Two tasks, each of which says that it runs; the first is to come to its end, and says that too.
POOL = """
import os, sys, time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from yoso_hw import workers

def task(name, whole):
    Path(name).touch()
    if whole:
        with workers.working:
            time.sleep(1.5)
            Path(f"{name} done").touch()
    else:
        time.sleep(600)

with ProcessPoolExecutor(2, initializer=workers.end_with, initargs=(os.getpid(),)) as pool:
    for name, whole in (("one", True), ("two", False)):
        pool.submit(task, name, whole)
"""


def wait_until(what, seconds=30):
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_processes_of_a_pool_end_when_what_started_them_is_killed_after_what_they_must_end(tmp_path):
    command = [sys.executable, "-c", POOL]
    process = subprocess.Popen(command, cwd=tmp_path, env=environment(), start_new_session=True)
    try:
        wait_until(lambda: (tmp_path / "one").exists() and (tmp_path / "two").exists())
        assert is_alive(process.pid)
        process.kill()
        process.wait()
        wait_until(lambda: not is_alive(process.pid))
        assert (tmp_path / "one done").exists()
    finally:
        if is_alive(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
