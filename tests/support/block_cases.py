"""Parameters of the single blocks that the cosimulation runs."""

from yoso_hw.params import ROUTERS, ChipParams

#: Narrow A and V, so that random layers saturate; few words, so that every number of them comes.
SMALL_PE = {"cols": 4, "rows": 3, "acc_bits": 10, "pot_bits": 12, "steps": 16, "layers": 4, "classes": 64}

PES = {
    "four lanes": ChipParams(**SMALL_PE, lanes=4, neurons=24, weights=240),
    "one lane, banked, unicast": ChipParams(
        **{**SMALL_PE, "acc_bits": 16, "pot_bits": 21},
        lanes=1,
        neurons=6,
        weights=200,
        banked=True,
        multicast=False,
    ),
    "eight lanes, bus, five-bit weights": ChipParams(
        **{**SMALL_PE, "acc_bits": 7}, lanes=8, neurons=48, weights=480, weight_bits=5, router="bus"
    ),
}

_SMALL_MAPS = {**SMALL_PE, "lanes": 2, "neurons": 128, "weights": 400, "classes": 192, "side": 9}
PES |= {
    "convolution, family": ChipParams(**_SMALL_MAPS, neuron="all"),
    "convolution, banked": ChipParams(**_SMALL_MAPS, banked=True),
}


def pe_benches(params: ChipParams) -> tuple[str, ...]:
    """The benches of a PE: those of dense layers are of every one."""
    return ("cosim.bench_pe", "cosim.bench_pe_convolution") if params.side else ("cosim.bench_pe",)


SMALL_ROUTER = {"cols": 4, "rows": 3, "lanes": 2, "neurons": 8, "weights": 512, "layers": 4, "classes": 32}
ROUTER_KINDS = {kind: ChipParams(**SMALL_ROUTER, router=kind, link_fifo=3) for kind in ROUTERS}

MESH = ChipParams(
    cols=4,
    rows=3,
    lanes=2,
    neurons=6,
    weights=80,
    weight_bits=4,
    acc_bits=12,
    pot_bits=14,
    steps=16,
    layers=4,
    classes=128,
)
