"""What the two-layer networks of ReL-PSP and of alpha-PSP neurons are, in numbers."""

from __future__ import annotations

from dataclasses import dataclass

NAMES = {"rel": "ReL-PSP", "alpha": "alpha-PSP"}
VALIDATION = 5000  # the last training images, never trained on


@dataclass(frozen=True)
class Setting:
    """What the networks are and how they are trained; all our choice, but for `hidden`.

    Parameters
    ----------
    hidden
        Hidden neurons of 784-hidden-10; the paper's are 400 and 800.
    levels, end
        Pixels spike at steps 0 .. levels - 1, neurons in [0, end).
    threshold
        theta of the ReL-PSP neurons, in weights x steps.
    tau, alpha_threshold
        Time constant of alpha-PSP in steps and its theta in weights. tau is the length of the input's code,
        so that PSPs peak and decay within [0, end); the longer tau, the closer to ReL-PSP: with 32 hardly a
        neuron dies, with 8 most output layers fall silent within ten epochs. Thresholds from 0.34 to 2.7 were
        tried for a few epochs; of those that let no output layer fall silent, 1.0 had the best validation
        accuracy.
    images
        Training images an epoch, drawn anew from the 55,000.
    batch_size, lr, temperature
        Of a step of Adam, its learning rate, and the softmax's temperature in eq. 12, in steps.
    """

    hidden: int = 400
    levels: int = 16
    end: int = 40
    threshold: float = 16.0
    tau: float = 16.0
    alpha_threshold: float = 1.0
    images: int = 10_000
    batch_size: int = 50
    lr: float = 1e-3
    temperature: float = 1.0
