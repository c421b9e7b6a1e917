"""The signals of a waveform: path without bit range -> path with it, ``top.step`` -> ``top.step[7:0]``."""

from __future__ import annotations

import struct
from collections.abc import Iterator

#: Blocks of an FST file that hold the hierarchy, compressed by LZ4; and entries of it.
_HIERARCHY, _SCOPE, _UP, _ATTRIBUTE, _ATTRIBUTE_END = 6, 254, 255, 252, 253


class WaveError(ValueError):
    """A file is no waveform, or none that is understood."""


def of_vcd(vcd: str) -> dict[str, str]:
    """The signals of a VCD file, by its definitions."""
    names, scopes = {}, []
    for line in vcd.splitlines():
        words = line.split()
        if words[:1] == ["$scope"]:
            scopes.append(words[2])
        elif words[:1] == ["$upscope"]:
            scopes.pop()
        elif words[:1] == ["$var"]:
            path = ".".join([*scopes, words[4]])
            names[path] = path + "".join(words[5:-1])
        elif words[:1] == ["$enddefinitions"]:
            break
    return names


def of_fst(data: bytes) -> dict[str, str]:
    """The signals of an FST file, by its block of hierarchy. Raises `WaveError` if it has none."""
    names, scopes = {}, []
    entries = _Reader(_hierarchy(data))
    while not entries.done:
        kind = entries.byte()
        if kind == _SCOPE:
            entries.byte()
            scopes.append(entries.text())
            entries.text()
        elif kind == _UP:
            scopes.pop()
        elif kind == _ATTRIBUTE:
            entries.byte()
            entries.byte()
            entries.text()
            entries.number()
        elif kind != _ATTRIBUTE_END:
            entries.byte()
            name, _, bits = entries.text().partition(" ")
            entries.number()
            entries.number()
            path = ".".join([*scopes, name])
            names[path] = path + bits
    return names


class _Reader:
    """Bytes from front to back."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    @property
    def done(self) -> bool:
        return self._at >= len(self._data)

    def byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def text(self) -> str:
        """Up to a zero."""
        end = self._data.index(0, self._at)
        found = self._data[self._at : end].decode()
        self._at = end + 1
        return found

    def number(self) -> int:
        """Seven bits a byte, the lowest first; the highest bit says that more follow."""
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value


def _blocks(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Kind and contents of each block: a byte, then how many bytes follow, itself included."""
    at = 0
    while at + 9 <= len(data):
        kind, length = data[at], struct.unpack_from(">Q", data, at + 1)[0]
        if length < 8:
            raise WaveError("a block of the waveform has no length: the simulation did not end it")
        yield kind, data[at + 9 : at + 1 + length]
        at += 1 + length


def _hierarchy(data: bytes) -> bytes:
    for kind, block in _blocks(data):
        if kind == _HIERARCHY:
            return unpack_lz4(block[8:], struct.unpack_from(">Q", block)[0])
    raise WaveError("the waveform has no hierarchy: the simulation did not end it")


def unpack_lz4(data: bytes, size: int) -> bytes:
    """A block of LZ4: runs of bytes as they are, each followed by a copy of earlier ones.

    Raises
    ------
    WaveError
        If it does not give `size` bytes.
    """
    out, at = bytearray(), 0

    def length(nibble: int) -> int:
        nonlocal at
        total = nibble
        while nibble == 15:
            total += data[at]
            at += 1
            if data[at - 1] != 255:
                break
        return total

    try:
        while at < len(data):
            token = data[at]
            at += 1
            literal = length(token >> 4)
            out += data[at : at + literal]
            at += literal
            if at >= len(data):
                break
            back = data[at] | data[at + 1] << 8
            at += 2
            for _ in range(length(token & 15) + 4):
                out.append(out[-back])
    except IndexError:
        raise WaveError("the waveform's hierarchy is damaged") from None
    if len(out) != size:
        raise WaveError("the waveform's hierarchy is damaged")
    return bytes(out)
