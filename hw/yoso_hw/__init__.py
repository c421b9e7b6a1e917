"""YOSO's hardware: chip parameters and packets in pure Python, RTL in Amaranth.

``import yoso_hw`` and its pure modules (`params`, `fields`, `registers`, `packet`) never import Amaranth, so
that the software side can share parameters, packets and memory map without the hardware tools.
"""

from yoso_hw.params import ChipParams, ParamError

__all__ = ["ChipParams", "ParamError"]
