"""The log of a kept run: what a terminal shows in the end, whole, of a stream that stays what it was."""

from io import StringIO

from yoso_sw.runs.log import REACH, Log, Tee


def test_the_log_has_what_a_terminal_shows_in_the_end():
    log = Log()
    log.write("first\nbar 10 % of many\r\x1b[2Kbar 20 %")
    log.write("\n\x1b[1A\r\x1b[2K\x1b[32mbar 100 %\x1b[0m\nlast\n\x1b[?25h")
    assert log.text == "first\nbar 100 %\nlast\n"


def test_the_log_of_a_long_run_is_whole(tmp_path):
    log = Log()
    lines = [f"line {n}\n" for n in range(5 * REACH)]
    log.write("".join(lines[:REACH]))
    log.write("".join(lines[REACH : 3 * REACH]))
    with (tmp_path / "log").open("w+b") as file:
        log.open(file)
        for line in lines[3 * REACH :]:
            log.write(line)
    assert (tmp_path / "log").read_text() == "".join(lines)


def test_a_bar_of_rich_leaves_its_last_state_in_the_log(tmp_path):
    from rich.console import Console
    from rich.progress import Progress

    class Terminal(StringIO):
        def isatty(self):
            return True

    log = Log()
    stream = Tee(Terminal(), log)
    console = Console(file=stream, force_terminal=True, width=60, legacy_windows=False)
    with Progress(console=console) as bars:
        task = bars.add_task("images", total=50)
        for n in range(50):
            bars.advance(task)
            bars.refresh()
            if n == 20:
                console.print("in between")
    assert log.text.count("images") == 1 and "100%" in log.text and log.text.startswith("in between\n")


def test_a_stream_that_is_logged_is_still_what_it_was():
    stream = StringIO()
    tee = Tee(stream, Log())
    tee.writelines(["a", "b"])
    assert stream.getvalue() == "ab" and tee.closed is False and not tee.isatty()
