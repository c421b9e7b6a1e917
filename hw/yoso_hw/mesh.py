"""Mesh: a grid of nodes, their links, and the way in and out at node (0, 0)."""

from __future__ import annotations

from amaranth.hdl import ClockSignal, Instance, Module, ResetSignal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Member, Out

from yoso_hw.barrier import leaf_layout, tick_layout
from yoso_hw.component import Component
from yoso_hw.core.ops import fire_layout
from yoso_hw.flit import flit_stream
from yoso_hw.node import Node, node_signature
from yoso_hw.packet import Packets
from yoso_hw.params import ChipParams
from yoso_hw.ports import ports

#: Verilog module of a node where the mesh is emitted with black boxes.
NODE_MODULE = "yoso_node"


def inner_members(params: ChipParams) -> dict[str, Member]:
    """Members of mesh and chip that show which neurons fire in PEs that pool, one bit and one fire a node."""
    if not params.side:
        return {}
    return {"inner_valid": Out(params.nodes), "inner": Out(params.nodes * fire_layout(params).size)}


class Mesh(Component):
    """A grid of nodes. The west port of node (0, 0) is the host's; all others at the rim are closed.

    Parameters
    ----------
    black_boxes
        Instantiate the Verilog module ``yoso_node`` in place of Amaranth nodes, so that the node is
        elaborated, emitted and compiled once however many there are.
    observed
        Whether these have the outputs that are for observation alone (`yoso_hw.ports`).

    Members
    -------
    inject, exit
        Flits from and to the host.
    ticks, leaves
        The barrier's, node (x, y) at y * cols + x.
    trace_valid, trace_flit
        Spikes that leave the cores, one bit and one flit a node.
    inner_valid, inner
        Words of which neurons fire in PEs that pool, one bit and one fire a node; with convolution.
    """

    def __init__(self, params: ChipParams, *, black_boxes: bool = False, observed: bool = True) -> None:
        self.params = params
        self.black_boxes, self.observed = black_boxes, observed
        self.flit_bits = Packets(params).flit_bits
        self.fire_bits = fire_layout(params).size
        flits = flit_stream(Packets(params))
        super().__init__(
            {
                "inject": In(flits),
                "exit": Out(flits),
                "ticks": In(data.ArrayLayout(tick_layout(), params.nodes)),
                "leaves": Out(data.ArrayLayout(leaf_layout(), params.nodes)),
                "trace_valid": Out(params.nodes),
                "trace_flit": Out(params.nodes * self.flit_bits),
                **inner_members(params),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        params = self.params
        nodes = {}
        for y in range(params.rows):
            for x in range(params.cols):
                if self.black_boxes:
                    node = node_signature(params).create(path=(f"node_{x}_{y}",))
                    m.submodules[f"node_{x}_{y}"] = _black_box(node, self.observed)
                else:
                    node = m.submodules[f"node_{x}_{y}"] = Node(params)
                nodes[x, y] = node
                number = y * params.cols + x
                m.d.comb += [
                    node.x.eq(x),
                    node.y.eq(y),
                    node.tick.eq(self.ticks[number].tick),
                    node.first.eq(self.ticks[number].first),
                    node.report.eq(self.ticks[number].report),
                    self.leaves[number].eq(node.leaf),
                    self.trace_valid[number].eq(node.trace),
                    self.trace_flit.word_select(number, self.flit_bits).eq(node.trace_flit),
                ]
                if params.side:
                    m.d.comb += [
                        self.inner_valid[number].eq(node.inner_valid),
                        self.inner.word_select(number, self.fire_bits).eq(node.inner),
                    ]
        for (x, y), node in nodes.items():
            if x + 1 < params.cols:
                _join(m, node.out_east, nodes[x + 1, y].in_west)
                _join(m, nodes[x + 1, y].out_west, node.in_east)
            if y + 1 < params.rows:
                _join(m, node.out_north, nodes[x, y + 1].in_south)
                _join(m, nodes[x, y + 1].out_south, node.in_north)
        corner = nodes[0, 0]
        m.d.comb += [
            corner.in_west.payload.eq(self.inject.payload),
            corner.in_west.valid.eq(self.inject.valid),
            self.inject.ready.eq(corner.in_west.ready),
            self.exit.payload.eq(corner.out_west.payload),
            self.exit.valid.eq(corner.out_west.valid),
            corner.out_west.ready.eq(self.exit.ready),
        ]
        return m


def _join(m: Module, out, into) -> None:
    m.d.comb += [into.payload.eq(out.payload), into.valid.eq(out.valid), out.ready.eq(into.ready)]


def _black_box(interface: wiring.PureInterface, observed: bool) -> Instance:
    """An instance of `NODE_MODULE` with the interface's signals at its ports."""
    connections: dict[str, Value] = {"i_clk": ClockSignal(), "i_rst": ResetSignal()}
    for name, (value, flow) in ports(interface, observed).items():
        connections[f"{'i' if flow is In else 'o'}_{name}"] = value
    return Instance(NODE_MODULE, **connections)
