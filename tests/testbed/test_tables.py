"""From the registry's log to the result schema: causes, phases, and nothing invented."""

from types import SimpleNamespace

import pytest

from sim.core.errors import BadConfig
from sim.core.result import SUMMARY_FIELDS
from sim.strategy import preset
from sim.strategy.strategy import BackgroundFetch, Containerd, Stargz
from sim.testbed import snapshotter
from sim.testbed.cold_run import Instants, Measured
from sim.testbed.counterpart import has_counterpart, settings_of
from sim.testbed.requests import Request
from sim.testbed.tables import Blob, cause, run_tables

LAYER, CONFIG = "sha256:" + "7a" * 32, "sha256:" + "c0" * 32
BLOBS = {LAYER: Blob(index_offset=900_000, landmark_offset=120_000)}


def request(*, uri=f"/v2/x/blobs/{LAYER}", ranges="", method="GET", ended=101.0, took=0.5, size=10, connection=7):
    return Request(ended, took, method, uri, ranges, 206, size, size + 200, connection, 1, "agent")


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (request(uri="/v2/x/manifests/estargz", method="HEAD"), "manifest"),
        (request(uri=f"/v2/x/blobs/{CONFIG}"), "config"),
        (request(ranges="bytes=0-1"), "probe"),
        (request(method="HEAD"), "probe"),
        (request(ranges="bytes=950000-999999"), "index"),
        (request(ranges="bytes=850000-949999"), "index"),  # the region in which the TOC begins
        (request(ranges="bytes=0-149999"), "prefetch"),
        (request(ranges="bytes=50000-99999"), "foreground"),
        (request(ranges="bytes=0-49999"), "foreground"),  # does not reach the landmark
        (request(), "layer"),
    ],
)
def test_the_cause_of_a_request(asked, why):
    assert cause(asked, BLOBS, prefetch=True) == why


def test_without_prefetch_the_head_of_a_layer_is_read_on_demand():
    assert cause(request(ranges="bytes=0-149999"), BLOBS, prefetch=False) == "foreground"


def layout():
    blobs = [{"digest": LAYER, "size": 1_000_000, "landmark": "prefetch", "landmark_offset": 120_000}]
    index = [{"blob": 0, "offset": 999_949}, {"blob": 0, "offset": 900_000}]
    return SimpleNamespace(blobs=Table(blobs), index=Table(index))


class Table:
    """As much of an Arrow table as is used."""

    def __init__(self, rows):
        self.rows = rows

    def select(self, names):
        return Table([{name: row[name] for name in names} for row in self.rows])

    def column(self, name):
        return Table([row[name] for row in self.rows])

    def to_pylist(self):
        return self.rows


def test_a_runs_tables():
    requests = [
        request(ranges="bytes=0-149999", ended=101.0, took=0.25, size=150_000, connection=31),
        request(ranges="bytes=200000-249999", ended=102.5, size=50_000, connection=32),
        request(ranges="bytes=300000-349999", ended=109.0, size=50_000, connection=32),  # after ready
    ]
    measured = Measured(Instants(100.0, 101.0, 101.5, 102.0, 104.0, 0), requests, lazy_mounts=1, spans=[], cpu_s={})
    made = run_tables(measured, layout(), lazy=True, prefetch=True)
    summary = made.summary
    assert set(summary) == set(SUMMARY_FIELDS)
    assert [summary[name] for name in ("pull_s", "create_s", "start_s", "ready_s", "total_s")] == [1, 0.5, 0.5, 2, 4]
    assert (summary["requests"], summary["connections"], summary["fetched_bytes"]) == (2, 2, 200_000)
    assert summary["prefetched_bytes"] == 150_000
    assert summary["unpack_cpu_s"] is None  # not measured: never 0
    rows = made.requests.to_pylist()
    assert [row["start_s"] for row in rows] == pytest.approx([0.75, 2.0, 8.5])
    assert [row["connection"] for row in rows] == [0, 1, 1]
    assert rows[0]["ranges"] == [[0, 149_999]]
    spans = made.spans.to_pylist()
    assert [span["kind"] for span in spans] == ["pull", "create", "start", "ready"]
    assert spans[-1]["end_s"] == pytest.approx(4)
    assert all(span["waits_for"] is None for span in spans)


@pytest.mark.parametrize(
    ("name", "prefetch", "background"),
    [("full", False, False), ("lazy", False, False), ("prefetch", True, False), ("background", True, True)],
)
def test_a_preset_as_the_snapshotter_is_told(name, prefetch, background):
    assert settings_of(preset(name)) == snapshotter.Settings(prefetch=prefetch, background=background)
    assert has_counterpart(preset(name))


def test_the_clairvoyant_cannot_be_built():
    assert not has_counterpart(preset("clairvoyant"))


@pytest.mark.parametrize(
    "change",
    [
        {"client": Containerd(downloads=7)},
        {"client": Stargz(), "background": BackgroundFetch(quiet_s=1.0)},
    ],
)
def test_what_the_real_one_has_no_setting_for_is_refused_rather_than_ignored(change):
    from dataclasses import replace

    with pytest.raises(BadConfig, match="the testbed measures"):
        settings_of(replace(preset("full"), **change))
