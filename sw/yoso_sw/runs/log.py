"""The log of a run: what a command says, as a terminal would show it in the end.

A progress bar moves the cursor back and writes over itself. Those movements are carried out here, so the log
has its last state instead of a thousand of them.
"""

from __future__ import annotations

import re
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, BinaryIO

#: Lines above the cursor that may still be written over: the height of a high terminal.
REACH = 100

#: What a stream of text to a terminal consists of: control sequences (the first two groups are the parameter
#: and the letter of those that move or erase), links, single controls, text.
_TOKENS = re.compile(
    r"\x1b\[(\d*)([A-Za-z])|\x1b\[[?\d;]*[A-Za-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\r|\n|[^\r\n\x1b]+|\x1b"
)


class Log:
    """Text with the cursor's movements carried out; in memory until `open`, then in a file as well.

    What cannot be written, to a full disk say, is left out of the file: the command goes on.
    """

    def __init__(self) -> None:
        self._lines, self._row, self._column = [""], 0, 0
        self._done = b""  # lines that scrolled out of reach, while there is no file
        self._file: BinaryIO | None = None
        self._end = 0  # of the part of the file that stays
        self._lock = threading.Lock()

    @property
    def text(self) -> str:
        """What has not been written to a file for good."""
        return self._done.decode() + "\n".join(self._lines)

    def open(self, file: BinaryIO) -> None:
        """Go on in a file behind what it has."""
        with self._lock:
            self._file, self._end = file, file.seek(0, 2)
            self._keep(self._done)
            self._done = b""
            self._show()

    def write(self, text: str) -> None:
        with self._lock:
            for match in _TOKENS.finditer(text):
                self._take(match[0], match[1], match[2])
            if len(self._lines) > REACH:
                self._keep("".join(f"{line}\n" for line in self._lines[:-REACH]).encode())
                self._row -= len(self._lines) - REACH
                del self._lines[:-REACH]
            self._show()

    def _take(self, token: str, count: str | None, letter: str | None) -> None:
        if token == "\n":
            self._row, self._column = self._row + 1, 0
            if self._row == len(self._lines):
                self._lines.append("")
        elif token == "\r":
            self._column = 0
        elif letter == "A":
            self._row = max(0, self._row - int(count or 1))
        elif letter == "K":
            self._lines[self._row] = "" if count == "2" else self._lines[self._row][: self._column]
        elif token[0] != "\x1b":
            line = self._lines[self._row].ljust(self._column)
            self._lines[self._row] = line[: self._column] + token + line[self._column + len(token) :]
            self._column += len(token)

    def _keep(self, data: bytes) -> None:
        """Put lines where nothing is written over any more."""
        if self._file is None:
            self._done += data
            return
        with suppress(OSError):
            self._file.seek(self._end)
            self._end += self._file.write(data)

    def _show(self) -> None:
        """Write the lines that may change to the end of the file."""
        if self._file is None:
            return
        with suppress(OSError):
            self._file.seek(self._end)
            self._file.write("\n".join(self._lines).rstrip().encode() + b"\n")
            self._file.truncate()
            self._file.flush()


class Tee:
    """A stream of text that goes on as it did, and into a log."""

    def __init__(self, stream: IO[str], log: Log) -> None:
        self._stream, self._log = stream, log

    def write(self, text: str) -> int:
        self._log.write(text)
        return self._stream.write(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def read(path: Path) -> str:
    """The log that was kept; "" if there is none."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
