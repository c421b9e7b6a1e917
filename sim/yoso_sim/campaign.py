"""Many images over several simulator processes: planned, run, resumed, summed up."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yoso_hw.folders import told
from yoso_sw.compile.compiler import compile_network
from yoso_sw.compile.image import WeightImage
from yoso_sw.data.samples import Samples
from yoso_sw.network.network import Network

from yoso_sim.build import Build
from yoso_sim.job import Job, read_chunk, recorded_path
from yoso_sim.kept import locked
from yoso_sim.running import recorded
from yoso_sim.simulate import SimulationError, simulate
from yoso_sim.watch import WATCHED

Chunk = tuple[int, int]


@dataclass(frozen=True)
class Campaign:
    """Some test samples on one network and chip.

    Attributes
    ----------
    image
        The network compiled for the chip that was built: what the simulators load.
    folder
        Results, one file a chunk, the weight image and the samples. Its name holds a hash of the network, the
        image, the samples, the chip's RTL, the tools and the options, so results of anything else never mix
        in.
    keep
        As in `yoso_sim.job.Job`.
    """

    network_path: Path
    network: Network
    image: WeightImage
    build: Build
    samples: Samples
    chunk: int
    early_exit: bool
    folder: Path
    keep: tuple[int, ...] | None = None

    @property
    def images(self) -> int:
        return len(self.samples)

    @property
    def chunks(self) -> list[Chunk]:
        """(first, stop) of every chunk."""
        return [(i, min(i + self.chunk, self.images)) for i in range(0, self.images, self.chunk)]

    def results(self) -> dict[Chunk, dict[str, Any]]:
        """Every chunk that is done; where spikes are kept, theirs are there too."""
        found = {chunk: read_chunk(self.folder, chunk) for chunk in self.chunks}
        return {
            chunk: result
            for chunk, result in found.items()
            if result is not None and (self.keep is None or self.recorded(chunk) is not None)
        }

    def recorded(self, chunk: Chunk) -> recorded.Arrays | None:
        """What was kept of a chunk's images; None if nothing, or not all of it."""
        return recorded.read(recorded_path(self.folder, chunk))


def plan(
    network_path: Path,
    build: Build,
    samples: Samples,
    *,
    chunk: int,
    early_exit: bool,
    root: Path,
    keep: tuple[int, ...] | None = None,
) -> Campaign:
    """The campaign of a network file and samples on a built chip; its folder, under `root`, is made.

    Raises
    ------
    yoso_sw.network.errors.NetworkError
        If the file is no network.
    yoso_sw.compile.mapping.CompileError
        If the chip cannot run it.
    """
    network = Network.load(network_path)
    image = compile_network(network, build.params)
    options = f"{samples.digest} {chunk} {early_exit}" + (f" {keep}" if keep is not None else "")
    parts = [network_path.read_bytes(), image.to_bytes(), build.key.encode(), options.encode()]
    key = hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()[:16]
    folder = root / f"{network_path.stem}-{key}"
    folder.mkdir(parents=True, exist_ok=True)
    return Campaign(network_path.resolve(), network, image, build, samples, chunk, early_exit, folder, keep)


def run(
    campaign: Campaign,
    jobs: int,
    progress: Callable[[int], None],
    *,
    fresh: bool = False,
    poll: float = 0.3,
) -> list[dict[str, Any]]:
    """Run the chunks that are not done yet in `jobs` processes.

    Parameters
    ----------
    progress
        Called now and then with the number of images done, earlier runs' included.
    fresh
        Drop earlier results first.

    Returns
    -------
    The result of every chunk, in order.

    Raises
    ------
    SimulationError
        If a process died or left a chunk out; what is done stays done.
    """
    with locked(campaign.folder.with_name(f"{campaign.folder.name}.lock")):
        if fresh:
            shutil.rmtree(campaign.folder, ignore_errors=True)
            campaign.folder.mkdir(parents=True)
        # A simulator whose parent was killed may still run; it must not share files with ours.
        for old in campaign.folder.glob("process-*"):
            shutil.rmtree(old, ignore_errors=True)
        done = campaign.results()
        left = [chunk for chunk in campaign.chunks if chunk not in done]
        image, samples = (campaign.folder.resolve() / name for name in ("weights.yoso", "samples.npz"))
        campaign.image.save(image)
        campaign.samples.save(samples)
        errors: list[SimulationError] = []
        threads = []
        for i in range(min(jobs, len(left))):
            job = Job(
                network=str(campaign.network_path),
                image=str(image),
                samples=str(samples),
                chunks=tuple(left[i::jobs]),
                folder=str(campaign.folder.resolve()),
                owner=os.getpid(),
                early_exit=campaign.early_exit,
                keep=campaign.keep,
                watched=campaign.build.form == WATCHED,
            )
            # Daemons: an interrupted parent does not wait; its simulators end by themselves.
            threads.append(threading.Thread(target=_work, args=(campaign, job, i, errors), daemon=True))
            threads[-1].start()
            time.sleep(0.05)  # the runner changes this process's environment while it starts
        while any(thread.is_alive() for thread in threads) and not errors:
            time.sleep(poll)
            progress(_images(campaign))
        if errors:
            raise errors[0]
        progress(_images(campaign))
        results = campaign.results()
        missing = [chunk for chunk in campaign.chunks if chunk not in results]
        if missing:
            raise SimulationError(
                f"{len(missing)} chunks have no result, the first is that of image {missing[0][0]}; "
                f"the logs are under {campaign.folder}"
            )
    return [results[chunk] for chunk in campaign.chunks]


def _work(campaign: Campaign, job: Job, number: int, errors: list[SimulationError]) -> None:
    folder = campaign.folder / f"process-{os.getpid()}-{number}"
    try:
        folder.mkdir(exist_ok=True)
        path = folder / "job.json"
        job.save(path)
        simulate(campaign.build, "yoso_sim.worker", folder, {"YOSO_JOB": str(path.resolve())}, test="work")
    except SimulationError as error:
        errors.append(error)
    except OSError as error:
        errors.append(SimulationError(told(error)))
    except Exception as error:
        errors.append(SimulationError(f"the simulation could not be started: {error!r}"))


def _images(campaign: Campaign) -> int:
    return sum(
        stop - first
        for first, stop in campaign.chunks
        if (campaign.folder / f"images-{first:06d}-{stop:06d}.json").is_file()
    )
