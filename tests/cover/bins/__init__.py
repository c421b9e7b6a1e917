"""What functional coverage counts: a bin is something that must happen in simulation at least once.

A function a block, decorated with `bins_of`, yields (name, condition). In a coverage build (`planting`), and
in no other, each becomes a register ``bin_<name>`` of the block that rises when the condition holds in a
cycle, and toggle coverage counts its rises. Conditions look at ports and keep models of their own, so a block
can be rebuilt as long as its ports keep their meaning; the few that look at a submodule's ports say so.
"""

from cover.bins import convolution, core, host, memories, network, neurons, pool
from cover.planting import PREFIX, planted

#: Whoever plants bins takes it from here, where they are.
__all__ = ["PREFIX", "convolution", "core", "host", "memories", "network", "neurons", "planted", "pool"]
