"""Names of a component's ports in Verilog: ``host_in.payload`` becomes ``host_in_data``."""

from __future__ import annotations

from amaranth.hdl import Value
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

#: First words of the outputs of chip and node that hardware is built on. All their other outputs are for
#: observation alone: a simulation looks at them, and a kit leaves them out.
BUILT_ON = ("host", "in", "leaf", "out")


def port_name(path: tuple[str | int, ...]) -> str:
    """The port of the member at `path`; Amaranth's own double underscores trouble some simulators."""
    return "_".join(str(part) for part in path).replace("payload", "data")


def ports(
    interface: wiring.Component | wiring.PureInterface, observed: bool = True
) -> dict[str, tuple[Value, wiring.Flow]]:
    """Verilog name -> value and direction of every member of an interface, as seen from inside.

    Not `observed`: without the outputs of a chip or node that are for observation alone.
    """
    found = {
        port_name(path): (Value.cast(value), member.flow)
        for path, member, value in interface.signature.flatten(interface)
    }
    if observed:
        return found
    return {
        name: port for name, port in found.items() if port[1] is not Out or name.partition("_")[0] in BUILT_ON
    }
