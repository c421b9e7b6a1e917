"""Tandem learning as a rule: Wu et al. 2021, TNNLS, arXiv 1907.01167.

Read (abstract and the authors' code): spiking and ReLU layers that share weights, actual counts in place of
the ReLU layer's values, their gradient through it, batch normalisation folded in every step of training, the
image as a constant current, a linear readout of the last hidden counts. Ours: a price on spikes, dropout on
counts, whole weights, and what `tandem.layer` names.
"""

from __future__ import annotations

from yoso_sw.learn.count.rule import Count
from yoso_sw.learn.tandem.layer import TandemLayer


class Tandem(Count):
    """Rule count's network, forward pass, loss and integers, with the gradient of `TandemLayer`."""

    layer = TandemLayer


RULE = Tandem
