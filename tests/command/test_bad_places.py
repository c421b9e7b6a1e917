"""What goes wrong outside: a full disk, a folder that may only be read, another user, an interrupt."""

import io
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from command.test_output_folder import CONFIG
from support.faults import NOBODY, OTHER, ROOT, disk, environment, fill, one_line, yoso
from yoso_hw import folders
from yoso_hw.folders import OutputError, user_cache
from yoso_hw.writing import write_whole
from yoso_sim.job import read_chunk
from yoso_sw.network.network import Network

#: A small chip, and a network of 784 inputs on it.
CHIP = ("--net", "small.npz", "--set", "cols=2", "--set", "rows=1")


# ---- full disks ------------------------------------------------------------------------------------------

#: A call of each kind of command that writes, by the file for which a disk of 64 kB has no room.
TOO_LARGE = {
    "compile mnist-784-800-10": "images/mnist-784-800-10.yoso",
    "rtl": "kit/rtl/yoso_node.v",
    "nir export mnist-784-100-10-stdbp": "nir/mnist-784-100-10-stdbp.nir",
    f"sim {' '.join(CHIP)} --images 100": "samples.npz",
}

#: The same on a disk that is full already. Of what keeps a run, its record comes first, before any work.
NO_ROOM = {
    "train corners.toml -o ../new.npz": "runs/train-1/run.json",
    "eval mnist-784-100-10 --checked 1": "runs/eval-1/run.json",
    "nir import tiny.nir": "nir/tiny.npz",
    "figures tables": "reports/figures/tables.json",
    f"regress {' '.join(CHIP)} --images 1": "runs/regress-1/run.json",
    "soak --cases 1": "rtl/yoso_node.v",
    "synth --block router --target ecp5": "runs/synth-1/run.json",
}


@pytest.mark.parametrize("text", [*TOO_LARGE, *NO_ROOM])
def test_a_full_disk_is_one_line_with_the_file_and_the_cause(text, here, tmp_path):
    with disk(tmp_path / "small", 64) as small:
        if text == "nir import tiny.nir":
            assert yoso("nir", "export", "tiny.npz", "-o", "tiny.nir", cwd=here)[0] == 0
        if text == "figures tables":
            assert yoso("eval", "mnist-784-100-10", "--checked", 1, cwd=here, YOSO_OUTPUT=small)[0] == 0
        if text in NO_ROOM:
            fill(small, 0)
        status, said = yoso(*text.split(), cwd=here, YOSO_OUTPUT=small)
        error = one_line(said)
        assert status == 1 and error.startswith(f"{small}/"), said
        assert error.endswith(f"{(TOO_LARGE | NO_ROOM)[text]}: the disk is full"), said
        assert not list(small.rglob("*.part")), "half a file takes room"


def test_training_that_met_a_full_disk_goes_on_from_its_last_checkpoint(here, tmp_path):
    whole = yoso("train", "corners.toml", "-o", "whole.npz", cwd=here, YOSO_OUTPUT=tmp_path / "roomy")
    assert whole[0] == 0, whole[1]
    size = (tmp_path / "roomy/train/corners.pt").stat().st_size
    with disk(tmp_path / "small", 512) as small:
        command = ("train", "corners.toml", "-o", "new.npz")
        filler = fill(
            small, size // 1024 + 14
        )  # the run's record, one checkpoint, not a second one beside it
        status, said = yoso(*command, cwd=here, YOSO_OUTPUT=small)
        assert status == 1 and re.fullmatch(
            rf"{small}/train/corners(\.float)?\.pt: the disk is full", one_line(said)
        )
        filler.unlink()
        status, said = yoso(*command, cwd=here, YOSO_OUTPUT=small)
        assert status == 0 and "resuming corners after epoch 1 of 2" in said
    own, other = (Network.load(here / name) for name in ("new.npz", "whole.npz"))
    assert all((a.weights == b.weights).all() for a, b in zip(own.layers, other.layers, strict=True))


def test_a_regression_that_met_a_full_disk_keeps_what_is_done_and_goes_on(here, tmp_path):
    chunks = [(first, first + 50) for first in range(0, 500, 50)]
    command = ("regress", *CHIP, "--images", 500, "--jobs", 1)
    with disk(tmp_path / "small", 1024) as small:
        filler = fill(small, 460)  # the run's record, the images, the logs and some of the chunks
        status, said = yoso(*command, cwd=here, YOSO_OUTPUT=small)
        assert status == 1 and one_line(said).endswith(": the disk is full, and the simulator stopped")
        (folder,) = (path for path in (small / "regress").iterdir() if path.is_dir())
        done = sum(read_chunk(folder, chunk) is not None for chunk in chunks)
        assert 0 < done < len(chunks), "the disk is to be of a size at which the run stops midway"
        filler.unlink()
        status, said = yoso(*command, cwd=here, YOSO_OUTPUT=small)
        assert status == 0 and f"{50 * done} images are done already" in said


def test_a_file_that_may_not_grow_is_one_line(here, tmp_path):
    """Where no disk can be mounted: the limit of a process on its files."""

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 14, 1 << 14))

    command = [sys.executable, "-m", "yoso_sim", "compile", "mnist-784-100-10"]
    ran = subprocess.run(
        command,
        cwd=here,
        env=environment(YOSO_OUTPUT=tmp_path / "out"),
        preexec_fn=limited,
        capture_output=True,
        text=True,
        check=False,
    )
    assert one_line(ran.stderr) == f"{tmp_path}/out/images/mnist-784-100-10.yoso: File too large"
    assert ran.returncode == 1 and list((tmp_path / "out/images").iterdir()) == []


def test_what_is_said_to_a_full_disk_is_one_line(here):
    with open("/dev/full", "w") as full:
        ran = subprocess.run(
            [sys.executable, "-m", "yoso_sim", "compile", "tiny.npz", "-o", "tiny.yoso"],
            cwd=here,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert one_line(ran.stderr) == "the disk is full" and ran.returncode == 1


def test_a_file_that_cannot_be_written_stays_what_it_was(tmp_path):
    with disk(tmp_path / "small", 64) as small:
        path = small / "report.json"
        assert write_whole(path, "{}")
        with pytest.raises(OSError) as raised:
            write_whole(path, bytes(1 << 17))
        assert raised.value.filename == str(path)
        assert path.read_text() == "{}" and list(small.iterdir()) == [path]


def test_what_a_killed_process_left_of_a_file_goes_and_what_one_writes_stays(tmp_path):
    gone = subprocess.Popen(["true"])
    gone.wait()
    names = [f"a.json.{gone.pid}.part", f"a.json.{os.getppid()}.part", f"b.json.{gone.pid}.part"]
    for name in names:
        (tmp_path / name).write_text("{")
    write_whole(tmp_path / "a.json", "{}")
    assert {path.name for path in tmp_path.iterdir()} == {"a.json", *names[1:]}


# ---- folders that may not be written, and other users ----------------------------------------------------


def test_a_disk_that_may_only_be_read_is_one_line_before_any_work(here, tmp_path):
    with disk(tmp_path / "small", 64) as small:
        subprocess.run(["mount", "-o", "remount,ro", small], check=True)
        for text in ("sim", "train mnist-784-100-10", "compile mnist-784-100-10", "eval"):
            status, said = yoso(*text.split(), cwd=here, YOSO_OUTPUT=small / "out")
            assert status == 1 and said.count("\n") == 1, said
            assert one_line(said).startswith(f"cannot write to {small}/out: no permission for {small}")


@pytest.fixture
def nobody():
    """The other user; skips the test where this one may not become it."""
    if shutil.which("setpriv") is None or subprocess.run([*NOBODY, "true"], check=False).returncode:
        pytest.skip("only root can be another user")
    return NOBODY


@pytest.fixture
def anyones():
    """A folder that anyone may write; pytest's own are closed to other users."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


#: Commands as another user, in a checkout or a folder that is not theirs.
OTHERS = ("sim --images 2", "train mnist-784-100-10", "compile mnist-784-100-10", "eval", "soak", "rtl")


@pytest.mark.parametrize("text", OTHERS)
def test_another_user_in_a_checkout_is_told_so_in_one_line_before_any_work(text, nobody, tmp_path):
    status, said = yoso(*text.split(), cwd=ROOT, user=nobody, HOME=None)
    assert status == 1 and said.count("\n") == 1, said
    assert re.fullmatch(
        r"cannot write to .*: no permission for .*; set YOSO_OUTPUT to another folder", one_line(said)
    )


def test_training_that_could_not_write_its_network_is_not_begun(nobody, here, anyones):
    status, said = yoso("train", here / "corners.toml", cwd=here, user=nobody, HOME=None, YOSO_OUTPUT=anyones)
    assert status == 1 and said.count("\n") == 1, said
    assert one_line(said) == f"cannot write to {here}: no permission for {here}; give another file with -o"
    assert list(anyones.iterdir()) == []


#: A network of the kind that compiles the fewest kernels: there is no cache yet.
FEW_KERNELS = (
    CONFIG.replace("validation", 'decision = "softmax"\nvalidation')
    .replace("end = 17\nthreshold", 'slope = "constant"\nstart = 8\nend = 17\nthreshold')
    .replace("end = 17\nmean", "mean")
)


def test_another_user_without_a_home_works_in_a_folder_of_their_own(nobody, here, anyones):
    """Compiled code then has a place among the temporary files."""
    own = anyones / "own"
    given = {"HOME": None, "TMPDIR": anyones, "YOSO_OUTPUT": own, "NUMBA_CACHE_DIR": None}
    network = anyones / "new.npz"
    (here / "corners.toml").write_text(FEW_KERNELS)
    status, said = yoso("train", "corners.toml", "-o", network, cwd=here, user=nobody, **given)
    assert status == 0 and network.is_file(), said
    status, said = yoso("compile", network, cwd=here, user=nobody, **given)
    assert status == 0 and (own / "images/corners.yoso").is_file(), said
    (cache,) = anyones.glob("yoso-*")
    assert cache.stat().st_uid == OTHER and cache.stat().st_mode & 0o77 == 0
    assert (cache / "numba").is_dir()


def test_a_cache_among_the_temporary_files_is_this_users_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(folders.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(folders, "obstacle", lambda _: "no permission")
    assert user_cache() == tmp_path / f"yoso-{os.getuid()}"
    user_cache().rmdir()
    (tmp_path / f"yoso-{os.getuid()}").symlink_to(tmp_path)
    with pytest.raises(OutputError, match="another user's; set XDG_CACHE_HOME"):
        user_cache()


# ---- interrupts ------------------------------------------------------------------------------------------

#: Modules after whose import an interrupt comes; the commands that load them.
MOMENTS = {
    "compile tiny.npz": ("click", "yoso_hw.folders", "numpy", "llvmlite"),
    "sim --images 1": ("rich.console", "yoso_hw.params", "yoso_sw.network.network"),
    "train corners.toml": ("yoso_sw.learn.config", "torch._C", "torch"),
    "nir export tiny.npz": ("numba",),
    "soak --cases 1": ("rich.progress",),
}


@pytest.mark.parametrize(
    ("text", "module"), [(text, module) for text, modules in MOMENTS.items() for module in modules]
)
def test_an_interrupt_while_a_command_loads_is_one_line(text, module, here, tmp_path):
    command = [sys.executable, "-X", "importtime", "-m", "yoso_sim", *text.split()]
    with subprocess.Popen(
        command,
        cwd=here,
        env=environment(YOSO_OUTPUT=tmp_path / "out"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        said = io.StringIO()
        for line in process.stderr:
            if line.startswith("import time:"):
                if line.split("|")[-1].strip() == module:
                    process.send_signal(signal.SIGINT)
            else:
                said.write(line)
    assert process.returncode == 1 and one_line(said.getvalue()).startswith("interrupted"), said.getvalue()
