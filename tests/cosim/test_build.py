"""Builds: made anew when the RTL does something else or they are damaged, pruned when they are many."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import chip_cases
from yoso_hw.params import ChipParams
from yoso_sim import build as making
from yoso_sim import kept as builds
from yoso_sim.build import build, build_key, code_of
from yoso_sim.kept import STAMP, BuildError, damage, discard, made_once, prune, use
from yoso_sim.simulate import simulate
from yoso_sim.top import TOP

SOURCE = '''
"""A block."""


class Block:
    """Holds a word."""

    width = 8  # bits

    def put(self):
        """Takes a word."""
        return self.width
'''


def test_words_about_the_rtl_change_no_build():
    reworded = SOURCE.replace("A block", "One block").replace("# bits", "").replace("Takes a", "Gets a")
    assert code_of(SOURCE.replace('    """Holds a word."""\n', "")) == code_of(reworded) == code_of(SOURCE)


def test_other_rtl_is_another_build():
    assert code_of(SOURCE.replace("8", "9")) != code_of(SOURCE)
    assert code_of(SOURCE.replace("self.width", "self.width + 1")) != code_of(SOURCE)
    assert code_of(SOURCE.replace("self.width", '"a word"')) != code_of(SOURCE.replace("self.width", '"no"'))


def test_every_parameter_is_in_the_name():
    keys = {build_key(params) for params in (ChipParams(), ChipParams(lanes=2), ChipParams(banked=True))}
    assert len(keys | {build_key(ChipParams(), waves=True)}) == 4


# ---- damaged ones ----------------------------------------------------------------------------------------


class Maker:
    """Makes builds of a few files, as quick as a wink."""

    def __init__(self, root):
        self.root, self.made, self.said = root, 0, []

    def make(self, folder):
        self.made += 1
        for name in (f"{TOP}.v", "build.log", "Vtop.cpp", "Vtop__pch.h.fast.gch", "verilated.o"):
            (folder / name).write_bytes(b"text" * 100)
        (folder / TOP).write_bytes(bytes(range(256)))
        (folder / TOP).chmod(0o755)
        (folder / "rtl").mkdir()
        (folder / "rtl" / "facts.json").write_text("{}")
        return {"chip": "small"}

    def __call__(self, key="one"):
        made_once(self.root, key, self.make, self.said.append)
        return self.root / key


def flip(path, at=-1):
    """Another value in one bit."""
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


DAMAGE = {
    "empty": lambda path: path.write_bytes(b""),
    "cut": cut,
    "one bit": flip,
    "missing": lambda path: path.unlink(),
}
by_damage = pytest.mark.parametrize("harm", DAMAGE.values(), ids=DAMAGE)


def test_a_build_is_made_once_and_keeps_what_a_run_needs(tmp_path):
    maker = Maker(tmp_path)
    folder = maker()
    assert maker() == folder and maker.made == 1 and maker.said == []
    kept = {path.name for path in folder.rglob("*") if path.is_file()}
    assert kept == {TOP, f"{TOP}.v", "build.log", "facts.json", STAMP}
    assert json.loads((folder / STAMP).read_text())["chip"] == "small"


@by_damage
@pytest.mark.parametrize("name", [TOP, f"{TOP}.v", "rtl/facts.json"])
def test_a_damaged_build_is_made_anew_and_told_in_a_line(tmp_path, name, harm):
    maker = Maker(tmp_path)
    folder = maker()
    harm(folder / name)
    assert damage(maker()) == "" and maker.made == 2
    assert len(maker.said) == 1 and f"{folder} is damaged ({name} " in maker.said[0]
    maker()
    assert maker.made == 2 and (folder / TOP).read_bytes() == bytes(range(256))


def test_a_build_that_fails_leaves_its_log_and_is_tried_again(tmp_path):
    maker = Maker(tmp_path)

    def fail(folder):
        maker.make(folder)
        raise BuildError("no")

    with pytest.raises(BuildError):
        made_once(tmp_path, "one", fail)
    left = {path.name for path in (tmp_path / "one").iterdir()}
    assert "build.log" in left and STAMP not in left and not any(name.endswith(".gch") for name in left)
    assert damage(maker()) == "" and maker.made == 2


def test_an_executable_that_may_not_be_executed_is_made_anew(tmp_path):
    maker = Maker(tmp_path)
    (maker() / TOP).chmod(0o644)
    assert os.access(maker() / TOP, os.X_OK) and maker.made == 2


@pytest.mark.parametrize("stamp", ["", "{", "[]", "{}", '{"files": 1}', '{"files": {"yoso_sim": 1}}'])
def test_a_build_whose_stamp_is_damaged_or_of_former_times_is_made_anew(tmp_path, stamp):
    maker = Maker(tmp_path)
    (maker() / STAMP).write_text(stamp)
    assert damage(maker()) == "" and maker.made == 2 and STAMP in maker.said[0]


def test_a_build_that_was_killed_is_made_anew_with_nothing_to_tell(tmp_path):
    maker = Maker(tmp_path)
    (maker() / STAMP).unlink()
    assert damage(maker()) == "" and maker.made == 2 and maker.said == []


@by_damage
def test_damaged_objects_of_the_runtime_are_not_taken_and_go(tmp_path, harm):
    runtime, said = tmp_path / "runtime-1", []
    runtime.mkdir()
    for name in ("runtime.h.fast.gch", "verilated.o"):
        (runtime / name).write_bytes(name.encode())
    (runtime / STAMP).write_text(json.dumps({"files": builds.digests(runtime)}))
    for number, whole in enumerate((True, False)):
        folder = tmp_path / f"build-{number}"
        folder.mkdir()
        if not whole:
            harm(runtime / "verilated.o")
        making._take_runtime(runtime, folder, said.append)
        taken = sorted(path.name for path in folder.iterdir())
        assert taken == (["runtime.h.fast.gch", "verilated.o"] if whole else [])
        assert runtime.is_dir() == whole and len(said) == (not whole)


def test_a_real_chip_whose_build_and_runtime_are_damaged_works_again(tmp_path):
    """A copy of the one that other tests use; to compile the runtime anew takes longer than the chip does."""
    params, said = chip_cases.CHIPS["1 x 1"], []
    kept, root = build(params).folder, tmp_path / "verilator"
    for folder in (kept, kept.parent / f"runtime-{making._runtime_key(False, quick=True)}"):
        shutil.copytree(folder, root / folder.name)
    assert build(params, root=root).seconds == 0
    flip(root / kept.name / TOP)
    objects = [*root.glob("runtime-*/*.o")]
    for path in objects:
        path.write_bytes(b"")
    made = build(params, root=root, report=said.append)
    assert made.seconds > 0 and objects
    environment = {"YOSO_CHIP": params.to_json()}
    simulate(made, "cosim.bench_death", tmp_path / "run", environment, test="notices_silence")
    assert build(params, root=root).seconds == 0
    assert sum("is damaged" in line for line in said) == 2
    assert sum(path.stat().st_size for path in made.folder.rglob("*")) < 10e6


def test_a_quick_build_is_another_and_a_large_chip_has_none(monkeypatch):
    small, large = chip_cases.CHIPS["1 x 1"], ChipParams(cols=11, rows=1)
    assert os.environ[making.QUICK_VARIABLE] == "1", "tests build quickly"
    quick = [build_key(params) for params in (small, large)]
    monkeypatch.setenv(making.QUICK_VARIABLE, "0")
    usual = [build_key(params) for params in (small, large)]
    monkeypatch.delenv(making.QUICK_VARIABLE)
    assert usual == [build_key(params) for params in (small, large)]
    assert quick[0] != usual[0] and quick[1] == usual[1]


# ---- too many of them ------------------------------------------------------------------------------------


@pytest.fixture
def five(tmp_path, monkeypatch):
    """Five builds of 1000 bytes that nobody uses, "a" used longest ago."""
    monkeypatch.setattr(builds, "_used", {})
    for hours, name in enumerate("abcde"):
        (tmp_path / name).mkdir()
        (tmp_path / name / TOP).write_bytes(bytes(1000))
        path = tmp_path / f"{name}.used"
        path.touch()
        os.utime(path, (1e9 + 3600 * hours,) * 2)
    return tmp_path


def left(root):
    return "".join(sorted(path.name for path in root.iterdir() if path.is_dir()))


def test_the_least_recently_used_builds_go_until_the_others_fit(five):
    assert prune(five, 5000) == [] and prune(five, 3500) == ["a", "b"] and left(five) == "cde"
    use(five / "c")
    builds._used.clear()  # used, and no longer
    assert prune(five, 1000) == ["d", "e"] and left(five) == "c"


def test_a_build_that_is_used_or_being_made_is_never_removed(five):
    use(five / "a")
    with (five / "b.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert prune(five, 0) == ["c", "d", "e"] and left(five) == "ab"
    builds._used.clear()
    assert prune(five, 0) != [] and left(five) == ""


def test_a_build_that_is_discarded_is_held_no_more(five):
    for name in "abcde":
        use(five / name)
        discard(five / name)
    assert builds._used == {} and left(five) == ""


def test_a_build_is_made_once_by_processes_that_want_it_at_once_and_held_by_each(five):
    script = f"""
import sys, time
from pathlib import Path
from yoso_sim import kept
def make(folder):
    time.sleep(0.5)
    (folder / "made.json").write_text("{{}}")
    return {{}}
print(kept.made_once(Path({str(five)!r}), "both", make) > 0, flush=True)
sys.stdin.read()
"""
    command = [sys.executable, "-c", script]
    pipe = subprocess.PIPE
    both = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(2)]
    assert sorted(process.stdout.readline() for process in both) == ["False\n", "True\n"]
    for process in both:
        assert "both" not in prune(five, 0) and (five / "both").is_dir()
        process.communicate("")
    assert prune(five, 0) == ["both"]


def test_a_new_build_makes_room_for_itself_and_says_so(five, monkeypatch):
    monkeypatch.setenv(builds.LIMIT_VARIABLE, "0.000004")
    maker = Maker(five)
    assert maker("new").is_dir() and "new" in left(five) and "a" not in left(five)
    assert len(maker.said) == 1 and "least recently used" in maker.said[0]


@pytest.mark.parametrize("text", ["much", "-1", "nan"])
def test_a_limit_that_is_no_number_is_refused_before_any_work(tmp_path, monkeypatch, text):
    monkeypatch.setenv(builds.LIMIT_VARIABLE, text)
    maker = Maker(tmp_path)
    with pytest.raises(BuildError, match=f"{builds.LIMIT_VARIABLE}={text}"):
        maker()
    assert maker.made == 0


def test_the_page_of_the_command_names_the_limit():
    page = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()
    assert f"`{builds.LIMIT_VARIABLE}`" in page and f"{builds.LIMIT:g} GB" in page
