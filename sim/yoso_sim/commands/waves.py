"""``yoso waves``: look at one image."""

from __future__ import annotations

import os

import click
from yoso_hw.folders import output_folder
from yoso_sw.compile.choose import choose
from yoso_sw.network.network import Network

from yoso_sim.commands.asked import Asked, console, one_message, options, prepare
from yoso_sim.waves.record import FORMATS, check_format, check_pe, looking_into, record


class Place(click.ParamType):
    """X and Y of a PE, ``3,2``."""

    name = "X,Y"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> object:
        words = str(value).split(",")
        if len(words) != 2 or not all(word.strip().isdecimal() for word in words):
            self.fail(f"{value!r} is no place of a PE: give X and Y, 3,2", param, ctx)
        return int(words[0]), int(words[1])


@click.command()
@options
@click.option(
    "--image", default=0, type=click.IntRange(0), show_default=True, help="Index of the test image."
)
@click.option(
    "--format",
    "form",
    default="vcd",
    show_default=True,
    type=click.Choice(FORMATS),
    help="File of the waveform; FST is a tenth of the size, and needs liblz4-dev and zlib1g-dev.",
)
@click.option("--pe", type=Place(), help="A PE to look into: its core and FIFOs, signal by signal.")
def main(asked: Asked, image: int, form: str, pe: tuple[int, int] | None) -> None:
    """Write a waveform of one image, and files by which GTKWave and Surfer show its spikes by layer.

    With --pe they show that PE's core and FIFOs as well; the chip is then built for this PE.
    """
    output_folder()  # cannot be written? then now, not after the build
    with one_message():
        check_format(form)
        if pe is not None:
            check_pe(pe, choose(Network.load(asked.path), asked.chip, asked.settings).image.params)
        made, samples = prepare(
            asked, image + 1, waves=form if form == "fst" else True, form=looking_into(pe)
        )
        with console.status("loading, then recording one image"):
            wave, save, state = record(asked.path, made, samples, image, pe)
        path, shown, kept = (os.path.relpath(one) for one in (wave, save, state))
        for line in (
            f"{path} ({wave.stat().st_size / 1e6:.1f} MB)",
            f"{shown}: gtkwave {shown}",
            f"{kept}: surfer -s {kept} {path}",
        ):
            console.print(line, soft_wrap=True, markup=False)
