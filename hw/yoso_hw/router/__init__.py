"""The router: its ports and routes, and a crossbar or a bus between them."""

from yoso_hw.router.ports import INPUTS_OF, Port
from yoso_hw.router.router import Router

__all__ = ["INPUTS_OF", "Port", "Router"]
