"""``yoso waves``: look at one image."""

from __future__ import annotations

import os

import click
from yoso_hw.folders import output_folder

from yoso_sim.commands.asked import Asked, console, one_message, options, prepare
from yoso_sim.waves import record


@click.command()
@options
@click.option("--image", default=0, show_default=True, help="Index of the test image.")
def main(
    asked: Asked,
    image: int,
) -> None:
    """Write a waveform of one image and a GTKWave save file that shows its spikes by layer."""
    output_folder()  # cannot be written? then now, not after the build
    with one_message():
        made, samples = prepare(asked, image + 1, waves=True)
        with console.status("loading, then recording one image"):
            wave, save = record(asked.path, made, samples, image)
        console.print(f"{os.path.relpath(wave)} ({wave.stat().st_size / 1e6:.1f} MB)")
        console.print(f"{os.path.relpath(save)}: gtkwave {os.path.relpath(save)}")
