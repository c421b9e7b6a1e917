"""The papers' other tasks: UCI sets by spike counts, an autoencoder by tandem learning, accuracy by step.

Each writes a report, and goes on where a kill stopped it; ``publish`` makes the page docs/tasks of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np
from yoso_hw import chips
from yoso_hw.chips.options import chip_option, set_option
from yoso_hw.folders import need_checkout
from yoso_sw.commands.options import images_option, nets_option, out_option, picture_option
from yoso_sw.data.recorded import samples_for
from yoso_sw.data.samples import Samples
from yoso_sw.network.network import Network
from yoso_sw.network.zoo import locate

from yoso_sim.commands.asked import console, one_message

tasks_option = out_option("reports/tasks")

#: The chip of an autoencoder, where none is named: the default one in which these are others.
ROOMY = (
    *("cols=2", "rows=2", "neurons=1024", "weights=262144", "classes=1024"),
    *("neuron=all", "acc_bits=20", "pot_bits=24"),
)


class Group(click.Group):
    """Turns what a task may lack into one line of error."""

    def invoke(self, ctx: click.Context) -> Any:
        from yoso_sw.learn.errors import TrainingError
        from yoso_sw.tasks.errors import TaskError

        try:
            with one_message():
                return super().invoke(ctx)
        except (TaskError, TrainingError) as error:
            raise click.ClickException(str(error)) from None


@click.group(cls=Group, help=__doc__)
def main() -> None:
    pass


def command_line() -> str:
    """The running command with the options that were given, but for where its report goes."""
    context = click.get_current_context()
    words = ["yoso tasks", str(context.info_name)]
    for option in context.command.params:
        name = str(option.name)
        given = context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
        if given and name not in ("out", "output", "pictures"):
            value = context.params.get(name)
            values = value if isinstance(value, tuple) else (value,)
            prefix = [option.opts[-1]] if isinstance(option, click.Option) else []
            words += [word for each in values for word in (*prefix, str(each))]
    return " ".join(words)


def check_sets(context: click.Context, option: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    from yoso_sw.tasks.uci import SETTINGS

    for name in given:
        if name not in SETTINGS:
            raise click.BadParameter(f"there is no set {name!r}; there are {', '.join(SETTINGS)}")
    return given or tuple(SETTINGS)


@main.command()
@click.argument("sets", nargs=-1, metavar="[SET]...", callback=check_sets)
@click.option("--folds", default=10, show_default=True, type=click.IntRange(2), help="Stratified folds.")
@click.option("--seed", default=1, show_default=True, help="Of folds and first weights.")
@tasks_option
def uci(sets: tuple[str, ...], folds: int, seed: int, out: Path) -> None:
    """Iris, wine, breast cancer (wdbc), digits: spike counts beside a ReLU network, in stratified folds."""
    from yoso_sw.tasks import page
    from yoso_sw.tasks import uci as task

    rows = []
    for name in sets:
        console.print(name)
        found = task.folds(name, folds, seed, out / "uci", lambda own: console.print(str(own)))
        rows.append(task.row(name, found))
    page.write(out, "uci", command_line(), rows)
    console.print(task.markdown(rows), markup=False, soft_wrap=True)


def check_hidden(context: click.Context, option: click.Parameter, given: str) -> tuple[int, ...]:
    """Neurons of each hidden layer."""
    try:
        found = tuple(int(own) for own in given.split(","))
    except ValueError:
        raise click.BadParameter(f"{given!r} is no list of neurons, such as 128,32,128") from None
    if min(found) < 1 or max(found) > 4096:
        raise click.BadParameter(f"{given!r}: layers have 1..4096 neurons")
    return found


@main.command()
@click.option(
    "--hidden", default="128,32,128", show_default=True, callback=check_hidden, help="Neurons by layer."
)
@click.option("--steps", default=16, show_default=True, type=click.IntRange(1, 200), help="T.")
@click.option("--levels", default=8, show_default=True, type=click.IntRange(1, 32), help="Of a pixel.")
@click.option("--epochs", default=10, show_default=True, type=click.IntRange(1), help="In floats.")
@click.option("--integer-epochs", default=4, show_default=True, type=click.IntRange(1), help="In integers.")
@click.option("--seed", default=1, show_default=True)
@click.option(
    "--rtl", default=0, show_default=True, type=click.IntRange(0, 1000), help="Test images on the RTL too."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the integer network here.")
@chip_option(None)
@set_option
@picture_option
@tasks_option
def autoencoder(
    hidden: tuple[int, ...],
    steps: int,
    levels: int,
    epochs: int,
    integer_epochs: int,
    seed: int,
    rtl: int,
    output: Path | None,
    chip: str | None,
    settings: tuple[str, ...],
    pictures: str,
    out: Path,
) -> None:
    """Digits through spike counts and back: error, beside a ReLU twin, and a picture."""
    from yoso_sw.data.parts import Data
    from yoso_sw.tasks import autoencoder as task
    from yoso_sw.tasks import page

    params = chips.load(chip or chips.DEFAULT, (*(() if chip else ROOMY), *settings))
    config = task.config_of(hidden, steps, levels, epochs, integer_epochs, seed)
    data = Data.load(config, Path())
    trained = task.train(
        config,
        data,
        out / "autoencoder",
        lambda name, epoch: console.print(f"{name}, epoch {epoch.number}, error {epoch.loss:.5f}"),
    )
    numbers = trained.numbers
    if rtl:
        from yoso_sim import outputs

        images, labels = data.test
        samples = Samples("mnist", images[:rtl], labels[:rtl])
        folder = out / "autoencoder"
        numbers["rtl"] = outputs.measure(trained.network, samples, params, folder, console.print)
    if output is not None:
        trained.network.save(output)
    page.write(out, "autoencoder", command_line(), numbers, task.draw(trained), pictures)
    console.print(page.autoencoder(numbers), markup=False, soft_wrap=True)
    if rtl and numbers["rtl"]["spike_mismatches"] + numbers["rtl"]["output_mismatches"]:
        raise click.ClickException("RTL and golden model differ")


#: What `anytime` draws where nothing is named.
DRAWN = tuple(f"mnist-784-100-10-{rule}" for rule in ("count", "tandem", "clif", "stdbp"))


@main.command()
@nets_option
@images_option(2000)
@picture_option
@tasks_option
def anytime(nets: tuple[str, ...], images: int, pictures: str, out: Path) -> None:
    """Accuracy against the step at which images end, from one run of each network."""
    from yoso_sw.tasks import anytime as task
    from yoso_sw.tasks import page

    rows: list[dict[str, Any]] = []
    for net in nets or DRAWN:
        path = locate(net, ".npz")
        network = Network.load(path)
        samples = samples_for(network, path)
        some = samples.first(min(images, len(samples)))
        points = task.curve(network, some.inputs, np.asarray(some.labels))
        rows.append({"network": network.name, "images": len(some), "curve": points})
        console.print(f"{network.name}: {points[-1]['accuracy']:.2f} % after {network.steps} steps")
    page.write(out, "anytime", command_line(), rows, task.draw(rows), pictures)
    console.print(page.anytime(rows), markup=False, soft_wrap=True)


@main.command()
@click.option(
    "--to",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the page; docs/tasks of the checkout if not given.",
)
@tasks_option
def publish(to: Path | None, out: Path) -> None:
    """Write the page docs/tasks from the reports made last."""
    from yoso_sw.tasks import page

    to = to or need_checkout("`yoso tasks publish`") / "docs" / "tasks"
    console.print(f"{', '.join(page.publish(to, out))}: {to / 'README.md'}")
