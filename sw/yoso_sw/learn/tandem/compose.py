"""Tandem learning's modules as a network's layers (`learn.modules`): all as those of rule count."""

from __future__ import annotations

from yoso_sw.learn.count.compose import beyond as beyond
from yoso_sw.learn.count.compose import export as export
from yoso_sw.learn.count.compose import misfits as misfits
from yoso_sw.learn.count.compose import obstacles as obstacles
from yoso_sw.learn.count.compose import settings as settings
from yoso_sw.learn.count.compose import told as told
from yoso_sw.learn.tandem.layer import TandemLayer

LAYER = TandemLayer
