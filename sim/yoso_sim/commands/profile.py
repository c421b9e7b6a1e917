"""``yoso profile``: what quantisation does to a network, layer by layer, from float weights to the RTL."""

from __future__ import annotations

import importlib.util
import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from yoso_hw import drawing, versions
from yoso_hw.extras import advice
from yoso_hw.folders import output_folder
from yoso_hw.writing import write_whole
from yoso_sw.commands.options import images_option, out_option, picture_option
from yoso_sw.commands.train import checkpoints
from yoso_sw.compile.image import WeightImage
from yoso_sw.data.recorded import samples_for
from yoso_sw.data.samples import Samples
from yoso_sw.learn.config import ConfigError, TrainConfig
from yoso_sw.learn.config_file import load_config
from yoso_sw.learn.errors import TrainingError
from yoso_sw.network.golden import GoldenError
from yoso_sw.network.network import Network
from yoso_sw.profile import profile as profiles
from yoso_sw.profile import show
from yoso_sw.profile.draw import draw

from yoso_sim import tools
from yoso_sim.commands.asked import Asked, console, one_message, options

if TYPE_CHECKING:
    from yoso_sw.learn.rule import ScaledRule


@contextmanager
def one_line() -> Iterator[None]:
    """`one_message`, for training's errors too."""
    try:
        with one_message():
            yield
    except (ConfigError, TrainingError, GoldenError) as error:
        raise click.ClickException(str(error)) from None


@click.command()
@options
@images_option(1000, "Test images for software, or all if there are fewer.")
@click.option(
    "--rtl",
    default=20,
    show_default=True,
    type=click.IntRange(0),
    metavar="N",
    help="Test images on the RTL; 0: none.",
)
@click.option(
    "--float",
    "given",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Checkpoint of the float phase; $YOSO_OUTPUT/train/<name>.float.pt, which training keeps, if it is "
    "there.",
)
@click.option("--train", "anew", is_flag=True, help="Train the float phase anew for its weights.")
@picture_option
@out_option()
def main(
    asked: Asked, images: int, rtl: int, given: Path | None, anew: bool, pictures: str, out: Path
) -> None:
    """Ranges of weights, A and V against their bits, and what each stage of quantisation costs.

    Stages: float weights, those weights rounded, integers, integers after their training, golden model, RTL.
    A network file holds integers alone; float stages need the weights that training keeps (--float, --train).
    """
    if given is not None and anew:
        raise click.UsageError("--float and --train: give one of them")
    if images < 1:
        raise click.UsageError(f"--images {images} is below 1")
    with one_line():
        profile = measure(asked, images, rtl, given, anew)
        console.print(show.headline(profile), soft_wrap=True, markup=False)
        console.width = max(console.width, 100)  # a narrow table would cut the numbers
        for table in show.tables(profile):
            console.print(show.rich(table))
        for note in profile["notes"]:
            console.print(note, soft_wrap=True, markup=False, style="yellow")
        out.mkdir(parents=True, exist_ok=True)
        write_whole(out / "profile.json", json.dumps(profile, indent=1) + "\n")
        write_whole(out / "profile.md", show.markdown(profile, f"profile.{pictures}"))
        drawing.save(draw(profile), out / f"profile.{pictures}")
        console.print(f"[dim]{os.path.relpath(out / 'profile')}.json, .md, .{pictures}")
        if any(own.get("mismatches") for stage in profile["stages"] for own in stage["layers"]):
            raise click.ClickException("RTL and golden model differ")


def measure(asked: Asked, images: int, rtl: int, given: Path | None, anew: bool) -> dict[str, Any]:
    """The whole profile of what was asked for. Raises what loading, compiling, training and running raise."""
    if importlib.util.find_spec("matplotlib") is None:
        raise tools.ToolError(advice("matplotlib", "sim"))
    path = asked.path
    network = Network.load(path)
    params = network.chip
    if rtl or asked.chip or asked.settings:
        network, image = asked.choose()
        if asked.chip or any(own.startswith(("acc_bits=", "pot_bits=")) for own in asked.settings):
            params = image.params  # whose widths are asked about
    samples = samples_for(network, path, asked.data, asked.other_data)
    if rtl:
        samples.first(rtl)
    beside = path.with_suffix(".toml")
    config = load_config(beside) if beside.is_file() else None
    if config is not None and (data := network.about.get("data") or network.about.get("dataset")):
        config = replace(config, dataset=data)  # the configuration may leave it to the command
    notes: list[str] = []
    trainer, model = importlib.util.find_spec("torch") is not None, None
    if trainer:
        import torch

        torch.set_num_threads(1)
        model = float_model(config, network, path, given, anew, notes)
    elif given is not None or anew:
        raise tools.ToolError(advice("torch"))
    else:
        notes.append(f"The trainer was left out: {advice('torch', what='it')}.")

    def report(text: str) -> None:
        console.print(f"[dim]  {text}", soft_wrap=True)

    found = profiles.profile(
        network, samples[: min(images, len(samples))], config, model, params, trainer, report
    )
    found["tools"] = versions.of("golden model", *(["training"] if trainer else []))
    if rtl:
        found["stages"].append(on_rtl(asked, image, samples, rtl))
        found["tools"] |= tools.reported()
    found["notes"] = notes
    return found


def float_model(
    config: TrainConfig | None,
    network: Network,
    path: Path,
    given: Path | None,
    anew: bool,
    notes: list[str],
) -> ScaledRule[Any] | None:
    """The network's float phase: the checkpoint that was given, one trained anew, or what training kept.

    None if there is none; `notes` then says how to get it. Raises `TrainingError` for a checkpoint that was
    given and does not fit.
    """
    from yoso_sw.learn import floats

    if config is None:
        if given is not None or anew:
            raise TrainingError(
                f"{network.name} has no configuration beside it, {path.with_suffix('.toml')}, and its float "
                "weights cannot be read or trained without"
            )
        notes.append("No configuration stands beside the network, so there are no float weights.")
        return None
    config.check_exports()
    own = floats.beside(output_folder() / "profile" / f"{path.stem}.pt")
    kept = floats.beside(checkpoints() / f"{path.stem}.pt")
    if anew:
        train_floats(config, path, own)
    found = given or (own if anew else next((file for file in (kept, own) if file.is_file()), None))
    how = "`--train` trains the float phase anew, `--float FILE` takes a checkpoint"
    if found is None:
        notes.append(f"No float weights: a network file holds integers alone. {how}.")
        return None
    try:
        model, accuracy = floats.load(config, found)
    except TrainingError as error:
        if given is not None or anew:
            raise
        notes.append(f"No float weights: {error}. {how}.")
        return None
    recorded = network.about.get("float_accuracy")
    if recorded is not None and not math.isnan(accuracy) and abs(recorded - accuracy) > 0.006:
        notes.append(
            f"The float weights of {found} are right on {accuracy:.2f} % of the test set; those that the "
            f"network came from were on {recorded:.2f} %: another training."
        )
    return model


def train_floats(config: TrainConfig, path: Path, kept: Path) -> None:
    """Train the float phase, or what is left of it, behind a progress bar; `kept` is what it leaves."""
    from yoso_sw.data.parts import Data
    from yoso_sw.learn import floats
    from yoso_sw.learn.trainer import Trainer

    from yoso_sim.commands.campaign import bar

    file = kept.with_name(f"{path.stem}.pt")
    assert floats.beside(file) == kept
    if kept.is_file():
        try:
            floats.load(config, kept)
            return
        except TrainingError:  # of what this configuration was once
            kept.unlink()
            file.unlink(missing_ok=True)
    trainer = Trainer(config, Data.load(config, path.parent), file)
    with bar() as bars:
        total = config.float_epochs * trainer.batches
        task = bars.add_task("float phase", total=total, completed=trainer.epoch * trainer.batches)
        trainer.run(tick=lambda _: bars.advance(task), until=config.float_epochs)


def on_rtl(asked: Asked, image: WeightImage, samples: Samples, images: int) -> dict[str, Any]:
    """The RTL as a stage: accuracy on the first images, and by layer the spikes compared and that differ."""
    from yoso_sim import campaign as campaigns
    from yoso_sim.build import build
    from yoso_sim.commands.campaign import SIM_CHUNK, run_all

    made = build(image.params, report=lambda text: console.print(f"[dim]  {text}"))
    root = output_folder() / "profile"
    campaign = campaigns.plan(
        asked.path, made, samples.first(images), chunk=SIM_CHUNK, early_exit=False, root=root
    )
    results = run_all(campaign, 1, fresh=False)
    labels, rtl, reference = (
        [value for result in results for value in result[key]] for key in ("labels", "rtl", "golden")
    )
    right, exact = (
        100 * sum(mine == label for mine, label in zip(own, labels, strict=True)) / images
        for own in (rtl, reference)
    )
    layers = [
        [sum(pair) for pair in zip(*of, strict=True)]
        for of in zip(*(r["layers"] for r in results), strict=True)
    ]
    return {
        "stage": "RTL",
        "images": images,
        "accuracy": round(right, 2),
        "cost": round(exact - right, 2),
        "beside": "golden",
        "decisions_changed": sum(result["class_mismatches"] for result in results),
        "spike_mismatches": sum(result["spike_mismatches"] for result in results),
        "counter_mismatches": sum(result["counter_mismatches"] for result in results),
        "layers": [{"spikes_compared": own, "mismatches": wrong} for own, wrong in layers],
    }
