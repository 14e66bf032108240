"""`lazypull report`: one self-contained page, files beside it, one line for bad input, no half-written page."""

import json
from html.parser import HTMLParser

import pytest
from click.testing import CliRunner

from sim.cli.main import main
from sim.cli.report import report
from sim.core.errors import BadInput
from sim.core.store import write_run
from tests.report.fake_results import manifest, write_startup

VOID = {"meta", "img", "br", "link"}


class Page(HTMLParser):
    """Collects ids, links and sources, and checks that tags close."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.sources, self.titles = [], set(), [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.ids |= {values["id"]} if "id" in values else set()
        self.links += [values["href"]] if "href" in values else []
        self.sources += [values["src"]] if "src" in values else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "h2":
            self.titles.append(data)


def run(*arguments):
    return CliRunner().invoke(report, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def written(startup, tmp_path_factory):
    out = tmp_path_factory.mktemp("report")
    result = run(startup, "--out", out, "--json")
    assert result.exit_code == 0
    return json.loads(result.stdout), (out / "index.html").read_text("utf-8")


def test_the_page_is_whole_and_needs_nothing_else(written):
    page = Page(written[1])
    assert all(source.startswith("data:image/png;base64,") for source in page.sources)
    assert all(link.startswith("#") and link[1:] in page.ids for link in page.links)
    assert "http" not in written[1].replace("HTTP", "")
    assert len(page.sources) == len(written[0]["figures"])


def test_a_network_experiment_has_its_sections_and_no_others(written):
    assert Page(written[1]).titles == [
        "Phases", "Time against rate", "Time against round trip", "Bytes and requests", "Where the time went",
        "Distance to the clairvoyant", "Files that stalled it longest", "All cells",
    ]  # fmt: skip


def test_an_image_size_experiment_has_no_network_section(image_size, tmp_path):
    assert run(image_size, "--out", tmp_path).exit_code == 0
    text = (tmp_path / "index.html").read_text("utf-8")
    titles = Page(text).titles
    assert "Time against image size" in titles
    assert "Time against rate" not in titles
    names = {file.stem for file in (tmp_path / "figures").iterdir()}
    assert {f"distance-{noun}" for noun in ("image-size", "layers", "share-read")} <= names
    assert "SYNTHETIC" in text


def test_measured_results_have_no_shares_and_no_distance(tmp_path):
    write_startup(tmp_path / "r", workloads=["numpy"], source="real")
    assert run(tmp_path / "r").exit_code == 0
    titles = Page((tmp_path / "r/report/index.html").read_text("utf-8")).titles
    assert "Phases" in titles
    assert not {"Where the time went", "Distance to the clairvoyant"} & set(titles)


def test_files_lie_where_json_says(written):
    from pathlib import Path

    paths = written[0]
    assert all(Path(path).stat().st_size > 0 for path in [paths["page"], paths["timeline"], *paths["figures"]])


def test_the_timeline_shows_the_largest_image_under_each_preset(written):
    with open(written[0]["timeline"], encoding="utf-8") as stream:
        events = json.load(stream)["traceEvents"]
    names = [event["args"]["name"] for event in events if event["name"] == "process_name"]
    presets = ("full", "lazy", "prefetch", "background", "clairvoyant")
    assert names == [f"tensorflow · simulated · {preset}" for preset in presets]


def test_the_timeline_can_show_chosen_runs(startup, runs, tmp_path):
    name = runs["run"].iloc[0]
    assert run(startup, "--out", tmp_path, "--timeline", name).exit_code == 0
    assert name in (tmp_path / "timeline.json").read_text()
    refused = run(startup, "--out", tmp_path, "--timeline", "nothing")
    assert isinstance(refused.exception, BadInput)


def test_the_same_results_give_the_same_bytes(written, startup, tmp_path):
    assert run(startup, "--out", tmp_path).stdout.strip() == str(tmp_path / "index.html")
    assert (tmp_path / "index.html").read_text("utf-8") == written[1]


def no_folder(path):
    return path / "missing"


def empty_folder(path):
    path.mkdir(exist_ok=True)
    return path


def a_file(path):
    path.mkdir(exist_ok=True)
    (path / "file").write_text("x")
    return path / "file"


def only_failures(path):
    failed = manifest("e", "w", "lazy", {})
    from msgspec.structs import replace

    write_run(path, replace(failed, status="failed", error="no"), None)
    return path


def two_experiments(path):
    for name in ("one", "two"):
        from msgspec.structs import replace

        failed = replace(manifest(name, "w", "lazy", {}), status="failed", error="no")
        write_run(path / name, failed, None)
    return path


@pytest.mark.parametrize("make", [no_folder, empty_folder, a_file, only_failures, two_experiments])
def test_what_is_no_result_gets_one_line_and_leaves_nothing(make, tmp_path):
    result = run(make(tmp_path / "r"), "--out", tmp_path / "out")
    assert isinstance(result.exception, BadInput)
    assert result.exception.exit_status == 2
    assert "\n" not in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_the_command_line_says_it_in_one_line_and_exits_with_2(tmp_path, capsys):
    assert main(["report", str(tmp_path / "missing")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("lazypull: ")
    assert error.count("\n") == 1


def test_out_that_is_a_file_is_refused(startup, tmp_path):
    (tmp_path / "out").write_text("mine")
    assert isinstance(run(startup, "--out", tmp_path / "out").exception, BadInput)
    assert (tmp_path / "out").read_text() == "mine"


def test_names_from_results_are_text_not_markup(tmp_path):
    from msgspec.structs import replace

    from tests.report.fake_results import run_tables

    hostile = replace(manifest("e", "w", "lazy", {}), workload="<script>alert(1)</script>")
    write_run(tmp_path / "r", hostile, run_tables("lazy", 1e8, share=0.1, requests=10, own_s=1, rate=1e7, rtt=0.01))
    assert run(tmp_path / "r").exit_code == 0
    assert "<script>alert" not in (tmp_path / "r/report/index.html").read_text("utf-8")
