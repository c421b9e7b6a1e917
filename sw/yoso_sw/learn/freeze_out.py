"""FreezeOut: layers stop learning one after the other, from the input side (Brock et al. 2017).

Read, in its authors' code: layer i of 0 .. L learns up to the share t_i of the training, the cube of what
lies between t0 and 1, by a cosine of its own, whose mean does not depend on t_i,

    t_i = (t0 + (1 - t0) i / L)^3,    rate_i(x) = rate / t_i * (1 + cos(pi x / t_i)) / 2    at the share x.

Then it leaves the optimiser, and the backward pass ends behind it. Zhu et al. 2021 do so with C-LIF
(abstract). Ours: each phase, in floats and in integers, is a training by itself; the readout is layer L.
"""

from __future__ import annotations

import math


def until(t0: float, layer: int, last: int) -> float:
    """t_i, the share of a phase after which a layer of 0 .. `last` no longer learns."""
    return (t0 + (1 - t0) * layer / last) ** 3 if last else 1.0


def factor(t0: float, layer: int, last: int, done: float) -> float:
    """What the rate of a layer is multiplied by after a share `done` of the phase; 0: it is frozen."""
    end = until(t0, layer, last)
    return 0.5 * (1 + math.cos(math.pi * done / end)) / end if done < end else 0.0
