"""The host of a board against a board made of Python: frames, credit, every way in which a board can fail."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager

import numpy as np
import pytest
from click.testing import CliRunner
from support import fake_board
from yoso_hw import boards
from yoso_hw.board.framing import Notice
from yoso_hw.packet import KIND_BITS, Kind, Packets
from yoso_hw.params import ChipParams
from yoso_sw.commands import board
from yoso_sw.compile.compiler import compile_network
from yoso_sw.host.serial import BoardError, SerialHost
from yoso_sw.network import golden
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import Neuron

PARAMS = ChipParams(cols=2, rows=1, neurons=8, weights=64, steps=8, layers=4, classes=4)
PACKETS = Packets(PARAMS)
NETWORK = Network(
    "tiny",
    (Layer(np.array([[3, -1], [2, 4], [-2, 1]], np.int8), Neuron(threshold=4, start=0, end=8)),),
    steps=8,
    levels=8,
)


@pytest.fixture(autouse=True)
def output(tmp_path, monkeypatch):
    """Runs go where the test's files are."""
    monkeypatch.setenv("YOSO_OUTPUT", str(tmp_path))


class FakeBoard(fake_board.FakeBoard):
    """One with the chip of these tests."""

    def __init__(self, answer: Callable[[int], int | None] = lambda flit: None, frozen: bool = False) -> None:
        super().__init__(PARAMS, answer, frozen)


def started(fake: FakeBoard) -> SerialHost:
    host = SerialHost(fake, PARAMS)
    host.reset()
    return host


def flits(count: int) -> np.ndarray:
    return np.arange(count, dtype=np.uint64) << np.uint64(3)


def test_flits_arrive_whole_and_in_order_and_answers_come_back():
    fake = FakeBoard(answer=lambda flit: flit | 4 if flit % 16 else None)
    wanted = np.array([8, 16, 2**30 - 8, 40], np.uint64)
    assert started(fake).exchange(wanted, 3) == [12, 2**30 - 4, 44]
    assert fake.taken == wanted.tolist()


@pytest.mark.parametrize("frozen", [False, True])
def test_a_host_never_sends_more_than_its_credit(frozen):
    fake = FakeBoard(frozen=frozen, answer=lambda flit: 4 if flit == flits(5000)[-1] else None)
    sent: list[int] = []
    assert started(fake).exchange(flits(5000), 1, sent.append) == [4]
    assert fake.taken == flits(5000).tolist()
    assert sent[-1] == 5000 and sent == sorted(sent)


def test_reset_passes_over_what_an_earlier_host_left_behind():
    fake = FakeBoard()
    fake.out += bytes([200, 1, 2])  # half a frame
    fake.say(PACKETS.pack("STATUS", errors=0))
    started(fake)

    class Babbling(FakeBoard):
        """A board that still sends when RESET reaches it."""

        def write(self, data: bytes) -> int:
            self.say(PACKETS.pack("STATUS", errors=0))
            self.notice(Notice.LOST)
            return super().write(data)

    started(Babbling())


def test_a_board_that_does_not_answer_is_one_message():
    fake = FakeBoard()
    fake.silent = True
    with pytest.raises(BoardError, match=r"no board answers.*bitstream.*port.*rate"):
        started(fake)


def test_a_board_with_another_chip_is_refused():
    fake = FakeBoard()
    fake.identity ^= 1
    with pytest.raises(BoardError, match=r"another chip.*--set"):
        started(fake)


def test_a_board_that_falls_silent_is_one_message_that_says_how_far_it_came():
    with pytest.raises(BoardError, match=r"silent after 3 of 3 flits sent and 0 of 1 answers back"):
        started(FakeBoard()).exchange(flits(3), 1)


@pytest.mark.parametrize(
    ("code", "message"), [(Notice.LOST, "lost a frame"), (Notice.READY, "was reset in between")]
)
def test_a_notice_of_trouble_ends_the_exchange(code, message):
    fake = FakeBoard()
    host = started(fake)
    fake.notice(code)
    with pytest.raises(BoardError, match=message):
        host.exchange(flits(3), 1)


def test_a_byte_lost_on_the_way_back_is_noticed():
    fake = FakeBoard(answer=lambda flit: 4)
    host = started(fake)
    fake.say(4)
    del fake.out[2]
    with pytest.raises(BoardError, match="a byte of the board was lost"):
        host.exchange(flits(3), 4)


def test_answers_that_no_chip_gives_are_told():
    with pytest.raises(BoardError, match=r"the answer to STATUS was .*REPLY"):
        started(FakeBoard(answer=lambda flit: PACKETS.pack("REPLY", x=0, y=0, data=1))).errors()
    with pytest.raises(BoardError, match="what no chip sends"):
        started(FakeBoard(answer=lambda flit: Kind.CONTROL | 7 << KIND_BITS)).errors()


def test_errors_of_the_chip_have_names():
    assert started(FakeBoard(answer=lambda flit: PACKETS.pack("STATUS", errors=0b1010))).errors() == [
        "BAD_DESTINATION",
        "PE_ERROR",
    ]


def test_an_error_after_loading_is_told():
    image = compile_network(NETWORK, PARAMS)
    status = PACKETS.pack("STATUS", errors=0)
    fake = FakeBoard(answer=lambda flit: status | 1 << 6 if flit == status else None)
    with pytest.raises(BoardError, match="reports BAD_PACKET after loading"):
        started(fake).load(image)
    assert fake.taken == [*image.load_flits(), status]


class Classifier(FakeBoard):
    """A board that answers each image as the golden model does, but for those in `wrong`."""

    def __init__(self, inputs: np.ndarray, wrong: tuple[int, ...] = ()) -> None:
        super().__init__()
        self.answer = self._answer
        self._results = golden.run(NETWORK, inputs, params=PARAMS)
        self._wrong, self._image = wrong, -1

    def _answer(self, flit: int) -> int | None:
        if flit == PACKETS.pack("STATUS", errors=0):
            return flit
        if flit != PACKETS.pack("END"):
            return None
        self._image += 1
        results, i = self._results, self._image
        index = int(results.decisions[i]) ^ (i in self._wrong)
        step, spiked = int(results.decision_steps[i]), int(results.spiked[i])
        self.say(PACKETS.pack("DECISION", index=index, step=step, spiked=spiked))
        return PACKETS.pack("CYCLES", cycles=100 + i)


def pixels(count: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (count, 3)).astype(np.uint8)


def test_images_are_sent_and_their_outcomes_read():
    inputs = pixels(40)
    fake = Classifier(inputs)
    image = compile_network(NETWORK, PARAMS)
    outcomes = started(fake).classify(image, inputs)
    assert not board.differences(outcomes, golden.run(NETWORK, inputs, params=PARAMS))
    assert [one.cycles for one in outcomes] == list(range(100, 140))
    assert fake.taken == [flit for one in inputs for flit in image.image_flits(one)]


# ---- the command ------------------------------------------------------------------------------------------


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Runs ``yoso board`` on a fake board; returns the result of click."""
    NETWORK.save(tmp_path / "tiny.npz")
    (tmp_path / "chip.json").write_text(PARAMS.to_json())
    data = tmp_path / "noise.npz"
    np.savez(data, images=pixels(20), labels=np.zeros(20, int), split=np.full(20, "test"))

    def run(*options: str, fake: FakeBoard | None = None):
        if fake is not None:
            port = contextmanager(lambda *args: iter([fake]))
            monkeypatch.setattr(board, "open_port", port)
        chip = [
            "--net",
            str(tmp_path / "tiny.npz"),
            "--data",
            str(data),
            "--chip",
            str(tmp_path / "chip.json"),
        ]
        out = ["--out", str(tmp_path / "reports")]
        return CliRunner().invoke(board.main, ["--port", str(tmp_path / "port"), *chip, *out, *options])

    return run


def test_the_command_runs_images_and_writes_a_report(command, tmp_path):
    result = command("--images", "20", fake=Classifier(pixels(20)))
    assert result.exit_code == 0, result.output
    assert '"mismatches": 0' in (tmp_path / "reports" / "board.json").read_text()


def test_the_command_fails_if_a_decision_is_not_the_golden_models(command):
    result = command("--images", "20", fake=Classifier(pixels(20), wrong=(3, 17)))
    assert result.exit_code == 1
    assert "board and golden model differ" in result.output and "image 17: " in result.output


def test_a_missing_port_is_one_message_that_lists_the_ports(command):
    result = command("--images", "1")
    assert result.exit_code == 1
    assert "cannot open" in result.output and "ports here: " in result.output
    assert "Traceback" not in result.output


def test_a_file_that_is_no_port_is_one_message(command, tmp_path):
    (tmp_path / "port").write_text("")
    result = command("--images", "1")
    assert result.exit_code == 1 and "cannot open" in result.output


@pytest.mark.parametrize("images", ["0", "21"])
def test_more_images_than_there_are_is_one_message(command, images):
    result = command("--images", images)
    assert (
        result.exit_code == 1
        and f"--images {images} is outside 1..20, the test images of noise" in result.output
    )


@pytest.mark.parametrize("name", boards.names())
def test_the_boards_network_fits_the_boards_chip(name):
    own = boards.load(name)
    network = Network.load(board.locate(own.network, ".npz"))
    assert compile_network(network, own.params()).pes == own.params().nodes


def test_the_command_takes_line_chip_and_network_from_the_boards_file(monkeypatch, tmp_path):
    NETWORK.save(tmp_path / "tiny.npz")
    (tmp_path / "chip.json").write_text(PARAMS.to_json())
    np.savez(tmp_path / "noise.npz", images=pixels(20), labels=np.zeros(20, int), split=np.full(20, "test"))
    (tmp_path / "mine.toml").write_text(
        f"""about = "mine"\ndevice = ["--25k"]\nclock = 40_000\nbaud = 2_000
        chip = "{tmp_path}/chip.json"\nnetwork = "{tmp_path}/tiny.npz"
        pins = {{ clk = {{ site = "A1" }}, rx = {{ site = "A2" }}, tx = {{ site = "A3" }} }}"""
    )
    asked = []

    @contextmanager
    def open_port(name, baud, timeout):
        asked.append(baud)
        yield Classifier(pixels(20))

    monkeypatch.setattr(board, "open_port", open_port)
    words = ["--port", "x", "--board", f"{tmp_path}/mine.toml", "--data", f"{tmp_path}/noise.npz"]
    words += ["--out", f"{tmp_path}/reports", "--images", "20"]
    for more, baud in (([], 2_000), (["--baud", "500"], 500)):
        result = CliRunner().invoke(board.main, words + more)
        assert result.exit_code == 0 and asked.pop() == baud, result.output


def test_a_board_that_is_not_there_is_one_message():
    result = CliRunner().invoke(board.main, ["--port", "x", "--board", "nosuch"])
    assert result.exit_code == 1
    assert result.output == (
        "Error: there is no board 'nosuch': neither a file nor one of icesugar-pro, ulx3s\n"
    )
