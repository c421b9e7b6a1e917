"""Tandem learning's modules as a network's layers (`learn.modules`): those of rule count."""

from __future__ import annotations

from yoso_sw.learn.count.compose import export as export
from yoso_sw.learn.count.compose import told as told
from yoso_sw.learn.tandem.layer import TandemLayer

LAYER = TandemLayer
