"""Names of a component's ports in Verilog: ``host_in.payload`` becomes ``host_in_data``."""

from __future__ import annotations

from amaranth.hdl import Value
from amaranth.lib import wiring


def port_name(path: tuple[str | int, ...]) -> str:
    """The port of the member at `path`; Amaranth's own double underscores trouble some simulators."""
    return "_".join(str(part) for part in path).replace("payload", "data")


def ports(interface: wiring.Component | wiring.PureInterface) -> dict[str, tuple[Value, wiring.Flow]]:
    """Verilog name -> value and direction of every member of an interface, as seen from inside."""
    return {
        port_name(path): (Value.cast(value), member.flow)
        for path, member, value in interface.signature.flatten(interface)
    }
