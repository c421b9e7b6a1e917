"""The search itself: trials that optuna proposes, trained by the one loop, judged by validation images.

The state is a journal and checkpoints, so a killed search goes on where it was. Everything random in a trial
comes from the configuration's seed and how many trials are finished: killed or not, a search is the same.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import StudyDirection
from optuna.trial import TrialState
from yoso_hw.writing import write_whole

from yoso_sw.data.parts import Data
from yoso_sw.learn import floats
from yoso_sw.learn.config import ConfigError, TrainConfig
from yoso_sw.learn.config_file import table_of
from yoso_sw.learn.curve import Epoch
from yoso_sw.learn.errors import TrainingError
from yoso_sw.learn.trainer import Trainer
from yoso_sw.search.space import OBJECTIVES, Choice, Range, Space

#: Of the one study in a journal.
NAME = "search"

AGAIN = "delete it, or search with --restart"

#: Settings that data depend on; other trials share what was loaded.
DATA = ("dataset", "seed", "code", "levels", "window_us", "validation", "rows", "inputs", "steps")


class SearchError(RuntimeError):
    """A search cannot go on; the message says why, in a line."""


@dataclass(frozen=True)
class Trial:
    """A finished trial.

    Attributes
    ----------
    number
        From 1, in the order in which trials were finished.
    values
        What it chose, by key.
    figures
        Each of `OBJECTIVES`, and "float", validation accuracy at the end of the float phase; none if refused.
    refused
        Why it could not be trained; "" if it was.
    """

    number: int
    values: dict[str, Any]
    figures: dict[str, float]
    refused: str = ""


class Search:
    """A search in a folder of its own, which holds all that it has done.

    Parameters
    ----------
    space
        What varies.
    folder
        Made if it is not there.
    beside
        The folder of the configuration, where its data may lie.

    Raises
    ------
    SearchError
        If another process runs it, or the folder holds another search.
    """

    def __init__(self, space: Space, folder: Path, beside: Path | None = None) -> None:
        self.space, self.folder, self.beside = space, folder, beside
        self.base = space.config({})
        self.base.check_exports()
        folder.mkdir(parents=True, exist_ok=True)
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        ways = [
            StudyDirection.MAXIMIZE if OBJECTIVES[name] else StudyDirection.MINIMIZE
            for name in space.objectives
        ]
        try:
            journal = JournalStorage(JournalFileBackend(str(folder / "journal.log")))
            self.study = optuna.create_study(
                storage=journal, study_name=NAME, directions=ways, load_if_exists=True
            )
        except Exception as error:  # of whatever stands in the journal's place
            raise SearchError(f"{folder / 'journal.log'} cannot be read ({error!r}); {AGAIN}") from None
        said = json.loads(json.dumps(_identity(space)))
        kept = self.study.user_attrs.get("identity")
        if kept is None:
            self.study.set_user_attr("identity", said)
        elif kept != said:
            changed = next(key for key in said if kept.get(key) != said[key])
            raise SearchError(f"{folder} holds a search of another {changed}; {AGAIN}")
        self._data: dict[str, Data] = {}

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes out. Raises `SearchError` if one is at it."""
        with (self.folder / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise SearchError(f"another process runs the search in {self.folder}") from None
            yield

    @property
    def trials(self) -> list[Trial]:
        """Those that are finished."""
        done = [one for one in self.study.get_trials(deepcopy=False) if one.state.is_finished()]
        ended = [one for one in done if one.state != TrialState.FAIL]  # those were interrupted
        return [
            Trial(i, _plain(one.params), one.user_attrs.get("figures", {}), one.user_attrs.get("refused", ""))
            for i, one in enumerate(ended, 1)
        ]

    def run(
        self,
        trials: int,
        report: Callable[[Trial], None] = lambda _: None,
        tick: Callable[[TrainConfig, Epoch], None] = lambda *_: None,
    ) -> None:
        """Go on until so many trials are finished.

        `report` is called after each, `tick` after each epoch. Raises `SearchError` if the first ten are all
        refused, and what loading the data raises.
        """
        for one in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING, TrialState.WAITING)):
            self.study.tell(one.number, state=TrialState.FAIL)  # killed; it is proposed again
        while (done := len(self.trials)) < trials:
            seed = [self.base.seed, done]
            self.study.sampler = optuna.samplers.TPESampler(
                seed=int.from_bytes(hashlib.sha256(str(seed).encode()).digest()[:4], "big")
            )
            trial = self.study.ask(self.distributions)
            values = _plain(trial.params)
            try:
                figures = self.figures(self.space.config(values), tick)
            except (ConfigError, TrainingError) as error:
                trial.set_user_attr("refused", str(error))
                self.study.tell(trial, state=TrialState.PRUNED)
            else:
                trial.set_user_attr("figures", figures)
                self.study.tell(trial, [figures[name] for name in self.space.objectives])
            finished = self.trials
            report(finished[-1])
            if len(finished) == 10 and all(one.refused for one in finished):
                raise SearchError(
                    f"the first ten trials are all refused, the last so: {finished[-1].refused}"
                )

    @property
    def distributions(self) -> dict[str, Any]:
        """What varies, as optuna has it."""
        made: dict[str, Any] = {}
        for key, part in self.space.varied.items():
            if isinstance(part, Choice):
                made[key] = optuna.distributions.CategoricalDistribution(part.values)
            elif isinstance(part, Range) and part.whole:
                made[key] = optuna.distributions.IntDistribution(int(part.low), int(part.high), log=part.log)
            else:
                made[key] = optuna.distributions.FloatDistribution(part.low, part.high, log=part.log)
        return made

    def figures(
        self, config: TrainConfig, tick: Callable[[TrainConfig, Epoch], None] = lambda *_: None
    ) -> dict[str, float]:
        """Train a configuration and judge it by its validation images.

        A configuration that was trained is not trained again, and one whose float phase was goes on from
        there. Raises `ConfigError` or `TrainingError` if it cannot be trained.
        """
        key = _key(table_of(config))
        file, kept = self.folder / f"{key}.pt", self.folder / f"{key}.json"
        if kept.is_file():
            found: dict[str, float] = json.loads(kept.read_text())
            return found
        start = self.folder / f"{_key(_without_quantisation(table_of(config)))}.float.pt"
        if start.is_file() and not file.is_file():
            shutil.copyfile(start, file)
        trainer = Trainer(config, self.data(config), file)
        trainer.run(lambda epoch: tick(config, epoch))
        last = trainer.history[-1]
        found = {
            "accuracy": round(last.accuracy, 3),
            "bits": bits(config, trainer),
            "spikes": round(sum(last.spikes), 2),
            "steps": config.steps,
            "float": round(trainer.history[config.float_epochs - 1].accuracy, 3),
        }
        write_whole(kept, json.dumps(found) + "\n")
        if floats.beside(file).is_file():
            floats.beside(file).replace(start)
        file.unlink(missing_ok=True)
        return found

    def data(self, config: TrainConfig) -> Data:
        """Training and validation samples of a configuration; the test set is never read."""
        own = _key({key: getattr(config, key) for key in DATA})
        if own not in self._data:
            self._data = {own: Data.load(config, self.beside, test=False)}
        return self._data[own]

    @property
    def best(self) -> list[Trial]:
        """The best trial, or the Pareto front, the best of the first objective first."""
        done = [one for one in self.trials if one.figures]
        names = self.space.objectives

        def worth(one: Trial) -> tuple[float, ...]:
            return tuple(one.figures[name] * (1 if OBJECTIVES[name] else -1) for name in names)

        def beaten(one: Trial) -> bool:
            own = worth(one)
            return any(
                worth(other) != own and all(a >= b for a, b in zip(worth(other), own, strict=True))
                for other in done
            )

        front: dict[tuple[float, ...], Trial] = {}
        for one in done:
            if not beaten(one):
                front.setdefault(worth(one), one)
        return [front[key] for key in sorted(front, reverse=True)]


def bits(config: TrainConfig, trainer: Trainer) -> int:
    """Bits of a network's weights, and of A and V of its neurons."""
    network = trainer.model.export({})
    weights = sum(layer.weights.size for layer in network.layers)
    neurons = sum(layer.neurons for layer in network.layers)
    return weights * config.weight_bits + neurons * (config.acc_bits + config.pot_bits)


def _identity(space: Space) -> dict[str, Any]:
    """What makes a search this one."""
    return {
        "configuration": space.table,
        "space": {key: str(part) for key, part in space.parts.items()},
        "objectives": list(space.objectives),
    }


def _without_quantisation(value: Any) -> Any:
    if isinstance(value, dict):
        own = {key: _without_quantisation(one) for key, one in value.items()}
        return {key: one for key, one in own.items() if key not in floats.QUANTISATION}
    return [_without_quantisation(one) for one in value] if isinstance(value, list) else value


def _key(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def _plain(params: dict[str, Any]) -> dict[str, Any]:
    """Numbers to so many digits that a file shows them all."""
    return {
        key: float(f"{value:.6g}") if isinstance(value, float) else value for key, value in params.items()
    }
