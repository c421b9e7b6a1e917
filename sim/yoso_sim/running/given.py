"""The images that a run is given, in whatever form, as samples for a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from yoso_sw.data.recorded import samples_for, seen
from yoso_sw.data.samples import DatasetError, Samples
from yoso_sw.network import golden
from yoso_sw.network.events import Events
from yoso_sw.network.network import Network

from yoso_sim.running.place import beside


def samples_of(
    network: Network, inputs: Any, images: int | None, labels: Any
) -> tuple[Samples, np.ndarray | None]:
    """Samples for a network, with their labels, or None where there are none.

    Parameters
    ----------
    inputs
        None: the test part of the data set that the network records; a name or path: that of another one.
        Else `Samples`; events; uint8 pixels, (n, rows, columns), (n, inputs) or one image; or int16 steps
        (n, inputs); or any of these with their labels, a pair.
    images
        How many, the first; None: 100 of a data set, and all that are given.
    labels
        Classes of what is given, (n,).

    Raises
    ------
    DatasetError, golden.GoldenError
        If there are no such data, or they are not for this network.
    """
    if inputs is None or isinstance(inputs, str | Path):
        name = None if inputs is None else str(inputs)
        found = samples_for(network, beside(network), name, other=True)
        samples = found.first(min(100, len(found)) if images is None else images)
        return samples, samples.labels.astype(np.int64)
    known: np.ndarray | None
    if isinstance(inputs, tuple) and len(inputs) == 2 and labels is None:
        inputs, labels = inputs
    if isinstance(inputs, Samples):
        samples, known = inputs, np.asarray(inputs.labels)
    else:
        own = _array(network, inputs)
        known = None if labels is None else np.asarray(labels)
        if known is not None and (known.shape != (len(own),) or known.dtype.kind not in "iu"):
            raise DatasetError(
                f"labels are {known.dtype} of shape {known.shape}; {len(own)} images need as many whole "
                "numbers"
            )
        samples = Samples("own", own, np.zeros(len(own), np.int64) if known is None else known)
    if images is not None:
        samples = samples.first(images)
    samples = seen(samples, network)
    golden.check_inputs(network, samples.inputs)
    return samples, None if known is None else samples.labels.astype(np.int64)


def _array(network: Network, inputs: Any) -> np.ndarray | Events:
    if isinstance(inputs, Events):
        return inputs
    try:
        array = np.asarray(inputs)
    except (ValueError, TypeError) as error:
        raise DatasetError(f"images are no array ({error}); make them one size") from None
    listed = not isinstance(inputs, np.ndarray) and array.dtype.kind in "iu"
    if listed and array.size and array.min() >= 0 and array.max() <= 255:
        array = array.astype(np.uint8)
    if array.dtype not in (np.uint8, np.int16):
        raise DatasetError(
            f"images are {array.dtype}; pixels are uint8, 0..255, and spike steps int16, 32767 for silent"
        )
    if not array.ndim:
        raise DatasetError(f"images are {array}, a single number; pixels are uint8 (n, ...)")
    if array.shape == (network.inputs,):
        return array[None]
    if array.ndim > 1 and array.size == network.inputs:
        return array.reshape(1, -1)
    if array.ndim > 2:
        array = array.reshape(len(array), -1)
    if not len(array):
        raise DatasetError("there are no images: give one at least")
    return array
