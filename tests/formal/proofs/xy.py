"""X-Y routing as it should be: which nodes a flit still has to reach, and through which ports.

A flit that came in at a port of node (x, y) is on its way to the nodes of its rectangle that lie in that
port's *region*: all of them where it was injected, those from here on along its direction else. A flit to the
host has no rectangle; it goes west, then south, then out of node (0, 0).
"""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Const, Value
from yoso_hw.flit import unpack
from yoso_hw.packet import HOST_BIT
from yoso_hw.router import Port, Router

#: Ports at which a flit to the host can come in.
FROM_AFAR = (Port.LOCAL, Port.EAST, Port.NORTH)

#: Where a flit comes in at the neighbour.
OPPOSITE = {Port.EAST: Port.WEST, Port.WEST: Port.EAST, Port.NORTH: Port.SOUTH, Port.SOUTH: Port.NORTH}


class Flit:
    """A flit as a router's specification sees it."""

    def __init__(self, router: Router, payload: Value) -> None:
        self.fields = unpack(router.packets, "READ", payload)
        self.to_host = self.fields.kind[HOST_BIT]
        self.right = (self.fields.x0 <= self.fields.x1) & (self.fields.y0 <= self.fields.y1)

    def holds(self, u: Any, v: Any) -> Value:
        """Node (u, v) lies in the rectangle."""
        fields = self.fields
        return (fields.x0 <= u) & (u <= fields.x1) & (fields.y0 <= v) & (v <= fields.y1)

    def legal(self, port: Port, x: Any, y: Any) -> Value:
        """It may come in at `port` of node (x, y): there is something left to reach."""
        fields = self.fields
        column = (fields.x0 <= x) & (x <= fields.x1)
        left = {
            Port.LOCAL: Const(1),
            Port.WEST: fields.x1 >= x,
            Port.EAST: fields.x0 <= x,
            Port.SOUTH: column & (fields.y1 >= y),
            Port.NORTH: column & (fields.y0 <= y),
        }[port]
        afar = Const(port in FROM_AFAR) & ((x == 0) if port == Port.NORTH else 1)
        return (self.to_host & afar) | (~self.to_host & self.right & left)

    def wants(self, port: Port, out: Port, x: Any, y: Any) -> Value:
        """It must leave through `out`: to the host, or to nodes of its rectangle there."""
        fields = self.fields
        column = (fields.x0 <= x) & (x <= fields.x1)
        along_y = port in (Port.SOUTH, Port.NORTH)
        # Moving along an axis, it never turns back, and never from y to x.
        branch = {
            Port.LOCAL: column & (fields.y0 <= y) & (y <= fields.y1),
            Port.EAST: (fields.x1 > x) & (port != Port.EAST) & (not along_y),
            Port.WEST: (fields.x0 < x) & (port != Port.WEST) & (not along_y),
            Port.NORTH: column & (fields.y1 > y) & (port != Port.NORTH),
            Port.SOUTH: column & (fields.y0 < y) & (port != Port.SOUTH),
        }[out]
        home = {
            Port.WEST: (x != 0) | (y == 0),
            Port.SOUTH: (x == 0) & (y != 0),
        }.get(out, Const(0))
        return (self.to_host & home) | (~self.to_host & branch)


def region(port: Port, x: Any, y: Any, u: Any, v: Any) -> Value:
    """Node (u, v) is one that a flit which came in at `port` of node (x, y) may have to reach."""
    return {
        Port.LOCAL: Const(1),
        Port.WEST: u >= x,
        Port.EAST: u <= x,
        Port.SOUTH: (u == x) & (v >= y),
        Port.NORTH: (u == x) & (v <= y),
    }[port]


def beyond(out: Port, x: Any, y: Any, u: Any, v: Any) -> Value:
    """Node (u, v) is reached through `out` of node (x, y). These sets are disjoint."""
    return {
        Port.LOCAL: (u == x) & (v == y),
        Port.EAST: u > x,
        Port.WEST: u < x,
        Port.NORTH: (u == x) & (v > y),
        Port.SOUTH: (u == x) & (v < y),
    }[out]
