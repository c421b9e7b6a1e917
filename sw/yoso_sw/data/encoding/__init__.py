"""Input codes by name: what turns pixels into spikes (docs/arithmetic.md, "Input codes").

A code is a file with an `encoder.Encoder`, and a row in `ENCODERS`. `coded` gives samples as a network
takes them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from yoso_sw.data.encoding import events, poisson, rate, ttfs
from yoso_sw.data.encoding.encoder import Encoder
from yoso_sw.data.encoding.ttfs import spike_steps as spike_steps
from yoso_sw.data.samples import DatasetError, Samples
from yoso_sw.network.events import Events, EventsError

ENCODERS: dict[str, Encoder] = {
    "ttfs": ttfs.encode,
    "rate": rate.encode,
    "poisson": poisson.encode,
    "events": events.encode,
}

#: Codes that take recorded spikes besides, or instead.
RECORDED = ("ttfs", "events")


def coded(samples: Samples, network: str, code: str, levels: int, seed: int) -> Samples:
    """Samples as a network takes them: pixels in code, recorded spikes as they are if it takes them.

    Pixels of code ``ttfs`` stay pixels, and its recorded spikes become steps, since golden model, trainer and
    chip read these themselves.

    Parameters
    ----------
    samples
        A whole part, since code ``poisson`` draws by the place of an image in it.
    network
        Its name, for messages.
    code, levels
        Its input code and L.
    seed
        Of code ``poisson``.

    Raises
    ------
    DatasetError
        If the code takes no such inputs, or an axon spikes more often than it can.
    """
    inputs = samples.inputs
    if isinstance(inputs, np.ndarray) and inputs.dtype != np.int16:
        if code == "ttfs" or inputs.dtype != np.uint8:  # other numbers are refused by `check.check`
            return samples
        try:
            return replace(samples, inputs=ENCODERS[code](inputs, levels, seed, 0))
        except DatasetError as error:
            raise DatasetError(f"{samples.name} for network {network!r}: {error}") from None
    if code not in RECORDED:
        raise DatasetError(
            f"{samples.name} has recorded spikes, and network {network!r} codes pixels by {code}: give it "
            f"images, or take a network of code {' or '.join(RECORDED)}"
        )
    if code == "ttfs" and isinstance(inputs, Events):
        try:
            return replace(samples, inputs=inputs.steps)
        except EventsError as error:
            raise DatasetError(
                f"{samples.name}: {error}; inputs of {network!r}, code ttfs, spike at most once an image: "
                "keep the first of them, or take a network of code events"
            ) from None
    return samples
