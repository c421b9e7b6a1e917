"""``yoso on-chip``: the committed networks on the RTL, as a page of measured runs."""

from __future__ import annotations

import os

import click
from yoso_hw.folders import need_checkout, output_folder
from yoso_sw.commands.options import images_option, jobs_option
from yoso_sw.compile.choose import choose
from yoso_sw.network.network import Network
from yoso_sw.network.zoo import names

from yoso_sim import campaign as campaigns
from yoso_sim import on_chip, report
from yoso_sim.commands.asked import Asked, console, one_message, prepare
from yoso_sim.commands.campaign import REGRESS_CHUNK, run_all


@click.command()
@click.argument("networks", nargs=-1, metavar="[NET]...")
@images_option(20, "Test images of each to classify.")
@jobs_option(2, "Simulator processes.")
def main(networks: tuple[str, ...], images: int, jobs: int) -> None:
    """Run committed networks on the RTL, and write docs/on-chip from what was measured.

    Without NET all of them, those apart of which the page has as many images already. A run goes on where a
    kill, or `yoso regress`, stopped it.
    """
    with one_message():
        need_checkout("yoso on-chip")
        rows = on_chip.load()
        for net in networks or names(".npz"):
            if not networks and rows.get(net, {}).get("images", 0) >= images:
                continue
            asked = Asked(net, None, (), None, False)
            network = Network.load(asked.path)
            choice = choose(network)
            made, samples = prepare(asked, images)
            chunk = min(REGRESS_CHUNK, max(1, len(samples) // jobs))
            root = output_folder() / "regress"
            campaign = campaigns.plan(asked.path, made, samples, chunk=chunk, early_exit=True, root=root)
            results = run_all(campaign, jobs, fresh=False)
            summary = report.summarise(network, made.params, results, sum(one["seconds"] for one in results))
            console.print(report.table(summary))
            # Onto what another run may have published meanwhile.
            rows = {**on_chip.load(), net: on_chip.row(network, choice.chip, choice.image, summary)}
            on_chip.publish(rows)
        console.print(f"[dim]{os.path.relpath(on_chip.PAGE)}/README.md")
        if wrong := [name for name, own in rows.items() if on_chip.differences(own)]:
            raise click.ClickException(f"RTL and golden model differ: {', '.join(wrong)}")
