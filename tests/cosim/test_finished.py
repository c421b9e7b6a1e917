"""Finished chunks as one file, with which another machine goes on. No simulation: results are made up."""

import gzip
import json

import numpy as np
import pytest
from yoso_sim import finished
from yoso_sim.campaign import Campaign
from yoso_sim.finished import FinishedError
from yoso_sim.job import chunk_path, write_result
from yoso_sw.data.samples import Samples

IMAGES, CHUNK = 25, 10
NO_FILE = "is no file of finished chunks, or is damaged"


def campaign(folder, name="net-0123"):
    """A campaign in an empty folder."""
    samples = Samples("made up", np.zeros((IMAGES, 4), np.uint8), np.arange(IMAGES))
    (folder / name).mkdir(parents=True)
    return Campaign(folder, None, None, None, samples, CHUNK, True, folder / name)


def work(own, *chunks):
    for first, stop in chunks:
        labels = list(range(first, stop))
        result = {"images": [first, stop], "labels": labels, "raster": {"spikes": [1]}}
        write_result(chunk_path(own.folder, (first, stop)), result)


@pytest.fixture
def here(tmp_path):
    """A campaign of which two chunks of three are finished, and the file of them."""
    own = campaign(tmp_path / "here")
    work(own, (0, 10), (20, 25))
    finished.give(own, tmp_path / "results.gz")
    return own, tmp_path / "results.gz"


def test_another_machine_goes_on_from_what_is_finished(here, tmp_path):
    own, path = here
    there = campaign(tmp_path / "there")
    assert finished.take(there, path) == 2
    assert {*there.results()} == {*own.results()} == {(0, 10), (20, 25)}
    assert there.results()[0, 10] == own.results()[0, 10]
    assert finished.take(there, path) == 0  # and nothing is counted twice


def test_what_is_there_already_stays_and_the_file_grows(here, tmp_path):
    there = campaign(tmp_path / "there")
    work(there, (10, 20), (20, 25))
    assert finished.take(there, here[1]) == 1
    finished.give(there, here[1])
    assert finished.take(here[0], here[1]) == 1
    assert {*here[0].results()} == {(0, 10), (10, 20), (20, 25)}


def test_the_same_results_are_the_same_bytes_and_one_raster(here, tmp_path):
    own, path = here
    finished.give(own, tmp_path / "again.gz")
    assert (tmp_path / "again.gz").read_bytes() == path.read_bytes()
    chunks = json.loads(gzip.decompress(path.read_bytes()))["chunks"]
    assert [result["raster"] is None for result, _ in chunks] == [False, True]


def test_results_of_another_campaign_are_refused(here, tmp_path):
    other = campaign(tmp_path / "there", "net-4567")
    with pytest.raises(FinishedError, match="holds results of net-0123, and this is net-4567: anoth"):
        finished.take(other, here[1])
    assert not other.results()


def _text(path):
    return json.loads(gzip.decompress(path.read_bytes()))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda path: path.write_bytes(path.read_bytes()[:-20]),
            "is no file of finished chunks, or is damaged",
        ),
        (lambda path: path.write_bytes(b"hello"), NO_FILE),
        (
            lambda path: path.write_bytes(gzip.compress(b"[[[")),
            "is no file of finished chunks, or is damaged",
        ),
        (lambda path: path.write_bytes(gzip.compress(b'{"campaign": 3}')), NO_FILE),
    ],
    ids=["cut", "no gzip", "no JSON", "no chunks"],
)
def test_a_file_that_is_none_is_one_clear_error(here, tmp_path, damage, message):
    damage(here[1])
    with pytest.raises(FinishedError, match=message):
        finished.take(campaign(tmp_path / "there"), here[1])


@pytest.mark.parametrize("change", [{"labels": [8] * 10}, {"images": [0, 9]}, {"images": 3}], ids=str)
def test_a_chunk_that_is_not_as_it_was_written_is_refused(here, tmp_path, change):
    found = _text(here[1])
    found["chunks"][0][0] |= change
    here[1].write_bytes(gzip.compress(json.dumps(found).encode()))
    there = campaign(tmp_path / "there")
    with pytest.raises(FinishedError, match="is damaged"):
        finished.take(there, here[1])
    assert not there.results()


def test_a_file_that_cannot_be_read_is_one_clear_error(tmp_path):
    with pytest.raises(FinishedError, match="cannot be read: Is a directory"):
        finished.take(campaign(tmp_path / "there"), tmp_path)
