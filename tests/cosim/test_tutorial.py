"""docs/your-own-network.md does as it says: its program, its configuration and its commands."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "your-own-network.md"

#: The command, beside the Python that runs the tests.
YOSO = Path(sys.executable).with_name("yoso")


def test_the_tutorial_goes_from_an_npz_to_a_compared_run_as_it_stands(tmp_path, monkeypatch):
    text = PAGE.read_text()
    program, config = (re.search(rf"```{kind}\n(.*?)```", text, re.S)[1] for kind in ("python", "toml"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("YOSO_OUTPUT", str(tmp_path))
    exec(program, {})
    Path("mine.toml").write_text(config)
    commands = [shlex.split(line) for line in re.findall(r"^    yoso (.*)$", text, re.M)]
    assert [words[0] for words in commands] == ["data", "train", "eval", "compile", "sim", "waves"]
    for words in commands:
        done = subprocess.run([YOSO, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / "reports" / "sim.json").read_text())
    assert report["images"] == 100 and report["rtl_accuracy"] == report["golden_accuracy"] > 90
    assert report["class_mismatches"] == report["spike_mismatches"] == report["counter_mismatches"] == 0
