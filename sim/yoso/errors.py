"""What may be wrong with something that a user gave, or that is missing: ``except yoso.ERRORS as error``."""

from __future__ import annotations

from yoso_hw.boards import DescriptionError
from yoso_hw.drawing import FormatError
from yoso_hw.folders import OutputError
from yoso_hw.params import ParamError
from yoso_sim.kept import BuildError
from yoso_sim.running.run import RunError
from yoso_sim.simulate import SimulationError
from yoso_sim.tables import TableError
from yoso_sim.tools import ToolError
from yoso_sw.compile.image import ImageError
from yoso_sw.compile.mapping import CompileError
from yoso_sw.data.samples import DatasetError
from yoso_sw.host.serial import BoardError
from yoso_sw.learn.config import ConfigError
from yoso_sw.learn.errors import TrainingError
from yoso_sw.network.errors import NetworkError
from yoso_sw.network.events import EventsError
from yoso_sw.network.golden import GoldenError
from yoso_sw.nir.common import NirError
from yoso_synth.liberty import LibertyError
from yoso_synth.tools import SynthError

from yoso.missing import MissingError

ERRORS = (
    *(
        BoardError,
        BuildError,
        CompileError,
        ConfigError,
        DatasetError,
        DescriptionError,
        EventsError,
        FormatError,
    ),
    *(GoldenError, ImageError, LibertyError, MissingError, NetworkError, NirError, OutputError, ParamError),
    *(RunError, SimulationError, SynthError, TableError, ToolError, TrainingError),
)
