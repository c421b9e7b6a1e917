"""What runs inside the simulator: loads the network once, then one image after another as they come."""

from __future__ import annotations

import os
import socket
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import cocotb
from yoso_sw.compile.image import WeightImage

from yoso_sim.host import Host
from yoso_sim.link import Link
from yoso_sim.watch import RECORD, Steps, uneven


@cocotb.test()
async def serve(dut: Any) -> None:
    """Answer inputs with (outcome, steps, notes) until the other side hangs up; it waits outside time."""
    image = WeightImage.load(Path(os.environ["YOSO_IMAGE"]))
    params = image.params
    host = Host(Link(dut), params)
    await host.link.reset()
    await host.load(image)
    line = socket.socket(socket.AF_UNIX)
    line.connect(os.environ["YOSO_LINE"])
    with Connection(line.detach()) as connection:
        while True:
            try:
                inputs = connection.recv()
            except EOFError:
                return
            outcome = await host.classify(image, inputs)
            steps = Steps.read(Path(RECORD), params.cols, params.rows)
            connection.send((outcome, steps, uneven(steps, outcome.cycles)))
