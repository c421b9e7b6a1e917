"""Ports of a router, and who may go where."""

from __future__ import annotations

from enum import IntEnum


class Port(IntEnum):
    """Ports of a router. x grows to the east, y to the north."""

    LOCAL = 0
    EAST = 1
    WEST = 2
    NORTH = 3
    SOUTH = 4


#: Inputs that X-Y routing can send to each output: a flit that moves along y never turns back to x. The one
#: exception, north to west, is the way out of node (0, 0) to the host, a channel that nothing follows.
INPUTS_OF = {
    Port.LOCAL: (Port.LOCAL, Port.EAST, Port.WEST, Port.NORTH, Port.SOUTH),
    Port.EAST: (Port.LOCAL, Port.WEST),
    Port.WEST: (Port.LOCAL, Port.EAST, Port.NORTH),
    Port.NORTH: (Port.LOCAL, Port.EAST, Port.WEST, Port.SOUTH),
    Port.SOUTH: (Port.LOCAL, Port.EAST, Port.WEST, Port.NORTH),
}
