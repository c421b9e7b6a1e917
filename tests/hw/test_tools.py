"""A tool of the flows is compiled into its cache once, however many processes want it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from yoso_synth.tools import SynthError, compile_once

#: A tool that says when it begins and ends in a file of its cache; it takes a moment.
TOOL = f"""#!{sys.executable}
import os, pathlib, time
said = pathlib.Path(os.environ["YOWASP_CACHE_DIR"], "said")
for word in ("begins", "ends"):
    with said.open("a") as file:
        file.write(word + "\\n")
    time.sleep(0.3)
"""

#: A process that wants it.
ONE = """
import pathlib, sys
from yoso_synth.tools import compile_once
compile_once(sys.argv[1], pathlib.Path(sys.argv[2]))
"""


@pytest.fixture
def tool(tmp_path):
    path = tmp_path / "tool"
    path.write_text(TOOL)
    path.chmod(0o755)
    return path


def test_processes_that_want_a_tool_at_once_compile_it_once(tool, tmp_path):
    cache = tmp_path / "cache"
    command = [sys.executable, "-c", ONE, str(tool), str(cache)]
    others = [subprocess.Popen(command) for _ in range(4)]
    assert [other.wait() for other in others] == [0] * 4
    assert (cache / "said").read_text().split() == ["begins", "ends"]


def test_another_installation_of_a_tool_is_compiled_again(tool, tmp_path):
    for _ in range(2):
        compile_once(str(tool), tmp_path)
    assert (tmp_path / "said").read_text().split() == ["begins", "ends"]
    os.utime(tool, ns=(0, Path(tool).stat().st_mtime_ns + 1))
    compile_once(str(tool), tmp_path)
    assert (tmp_path / "said").read_text().split() == ["begins", "ends"] * 2


def test_a_cache_that_cannot_be_written_is_one_line(tool, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SynthError) as caught:
        compile_once(str(tool), tmp_path / "file" / "cache")
    assert str(caught.value) == (
        f"{tmp_path}/file/cache: Not a directory; YOWASP_CACHE_DIR must be a folder that can be written"
    )
