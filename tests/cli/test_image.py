"""`lazypull image`: one document, one line an error, statuses, and nothing left behind by a failure or an interrupt."""

import gzip
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time

import pytest

from sim.cli.main import main
from sim.core.trace import write_trace
from tests.catalog.conftest import LAYERS, tiny_trace
from tests.formats.handmade import blob, file_entry
from tests.image.images import Layer, made_layer, put_image, reference_layer, sha, tar_layer

SCRIPT = "import sys; from sim.cli.main import main; sys.exit(main())"
DATA = b"payload"
PAYLOAD = gzip.compress(DATA, mtime=0)
AT = len(gzip.compress(bytes(512), mtime=0))  # where the payload of a handmade blob begins


def run(capsys, *arguments):
    """Status, standard output, standard error."""
    status = main(["image", *map(str, arguments)])
    shown = capsys.readouterr()
    return status, shown.out, shown.err


@pytest.fixture
def web(tmp_path):
    """An image of two layers, one of them lazy."""
    put_image(f"oci:{tmp_path}/web", [tar_layer("sizes"), reference_layer("prefetch")], tmp=tmp_path)
    return tmp_path / "web"


def test_show_prints_one_line_a_layer(web, capsys):
    status, out, err = run(capsys, "show", web)
    assert (status, err) == (0, "")
    rows = [line.split() for line in out.splitlines()[6:]]
    assert [(row[0], row[2]) for row in rows] == [("0", "tar.gz"), ("1", "eStargz")]


def test_show_prints_layers_and_files_when_asked(web, capsys):
    _, out, _ = run(capsys, "show", web, "--layers", "--files")
    assert "TOC digest sha256:2dedce8b" in out
    assert "chunks up to" in out
    assert any(line.split()[:4] == ["app/lib/11.so", "reg", "no", "1"] for line in out.splitlines())


@pytest.mark.parametrize("verb", [["show", "--files"], ["verify"]])
def test_json_is_one_document(web, capsys, verb):
    status, out, err = run(capsys, *verb, web, "--json")
    assert (status, err) == (0, "")
    assert len(json.loads(out)["layers"]) == 2


def test_verify_says_what_it_checked(web, capsys):
    status, out, err = run(capsys, "verify", web)
    assert (status, err) == (0, "")
    assert "right; layers 2 (1 with a table of contents)" in out


def test_verify_prints_one_line_a_fault_and_fails(web, capsys):
    file = web / "blobs" / "sha256" / sha(tar_layer("sizes").data)[7:]
    file.write_bytes(file.read_bytes()[:-1])
    status, out, err = run(capsys, "verify", web)
    assert (status, err) == (1, "")
    assert len(out.splitlines()) == 1
    assert "as promised" in out


def test_verify_tells_a_damaged_manifest(web, capsys):
    manifest = json.loads((web / "index.json").read_bytes())["manifests"][0]["digest"]
    file = web / "blobs" / "sha256" / manifest[7:]
    file.write_bytes(file.read_bytes().replace(b"gzip", b"gZip"))
    status, out, _ = run(capsys, "verify", web)
    assert status == 1
    assert len(out.splitlines()) == 1


def test_synth_convert_show_verify(tmp_path, capsys):
    source, target = f"oci:{tmp_path}/made", f"oci:{tmp_path}/lazy"
    assert run(capsys, "synth", source, "--size", "200kB", "--files", "40", "--layers", "2")[0] == 0
    status, out, err = run(capsys, "convert", source, target, "--chunk-size", "4KiB", "--workers", "1")
    assert (status, err) == (0, "")
    assert out.startswith(f"{target}: sha256:")
    assert run(capsys, "verify", target)[0] == 0
    facts = json.loads(run(capsys, "show", target, "--json", "--files")[1])
    assert facts["synthetic"]
    assert [layer["format"] for layer in facts["layers"]] == ["eStargz", "eStargz"]
    regular = [file for file in facts["files"] if file["kind"] == "reg"]
    assert len(regular) == 40
    assert all(file["chunks"] == -(-file["size_bytes"] // 4096) for file in regular)


def test_convert_takes_priorities_from_a_trace(tmp_path, capsys):
    layers = [made_layer({name.rstrip("/"): content for name, content in entries.items()}) for entries in LAYERS]
    put_image(f"oci:{tmp_path}/src", layers, tmp=tmp_path)
    write_trace(tmp_path / "trace", tiny_trace("sha256:" + "0" * 64, 20))
    arguments = ("convert", f"{tmp_path}/src", f"oci:{tmp_path}/dst", "--prioritize-from", tmp_path / "trace")
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert "not the same files" in err
    status, out, _ = run(capsys, *arguments, "--allow-missing", "--zstd-chunked", "--json")
    assert status == 0
    assert [layer["prioritised"] for layer in json.loads(out)["layers"]] == [1, 1]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["show", "{t}/none"], "nothing is there"),
        (["show", "oci:{t}"], "no OCI folder"),
        (["convert", "{t}/web", "oci:{t}/x", "--chunk-size", "5 furlongs"], "unit 'furlongs' is unknown"),
        (["convert", "{t}/web", "oci:{t}/x", "--level", "10"], "gzip level 10 does not exist"),
        (["convert", "{t}/web", "oci:{t}/x", "--zstd-chunked", "--external-toc"], "has its TOC inside"),
        (["convert", "{t}/web", "oci-archive:{t}/x", "--external-toc"], "need a second image"),
        (["convert", "{t}/web", "oci:{t}/x", "--prioritize", "nowhere"], "not in the image: 'nowhere'"),
        (["convert", "{t}/web", "oci:{t}/x", "--prioritize", "@{t}/nowhere"], "cannot read the list"),
        (["convert", "{t}/web", "oci:{t}/x", "--prioritize", "a", "--prioritize-from", "b"], "choose one"),
        (["synth", "oci:{t}/x", "--size", "1MB", "--file-size", "cubic:3"], "are not known; write lognormal"),
        (["synth", "oci:{t}/x", "--size", "1MB", "--compressibility", "2"], "must be from 0"),
    ],
)
def test_wrong_use_is_one_line(web, tmp_path, capsys, arguments, line):
    status, out, err = run(capsys, *(argument.format(t=tmp_path) for argument in arguments))
    assert (status, out) == (2, "")
    assert line in err
    assert err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["web"]


def lazy(*entries):
    return Layer(blob([*entries], PAYLOAD).data, sha(b""))


def link(name, target):
    return {"name": name, "type": "hardlink", "linkName": target}


def tar_of(**member):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        entry = tarfile.TarInfo(member.pop("name"))
        for key, value in member.items():
            setattr(entry, key, value)
        archive.addfile(entry)
    return Layer(gzip.compress(raw.getvalue()), sha(raw.getvalue()))


HOSTILE_TOCS = {
    "terabytes": lazy(file_entry("f", DATA, AT, size=1 << 60)),
    "negative": lazy(file_entry("f", DATA, -5)),
    "overlap": lazy(file_entry("a", DATA, AT), file_entry("b", DATA, AT)),
    "circle": lazy(link("a", "b"), link("b", "a")),
    "bomb": Layer(blob(b" " * (1 << 28) + b"{}").data, sha(b"")),  # more JSON than is read, in 300 kB
}


@pytest.mark.parametrize("name", HOSTILE_TOCS)
def test_a_hostile_table_of_contents_is_one_line(tmp_path, capsys, name):
    put_image(f"oci:{tmp_path}/src", [HOSTILE_TOCS[name]], tmp=tmp_path)
    status, out, err = run(capsys, "show", tmp_path / "src", "--files")
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert "layer 0 (sha256:" in err
    assert run(capsys, "verify", tmp_path / "src")[0] == 1


@pytest.mark.parametrize("name", HOSTILE_TOCS)
def test_a_hostile_table_of_contents_is_not_converted_by(tmp_path, capsys, name):
    """Priorities are looked for in what the table says; without them a conversion reads the tar alone."""
    put_image(f"oci:{tmp_path}/src", [HOSTILE_TOCS[name]], tmp=tmp_path)
    status, out, err = run(capsys, "convert", tmp_path / "src", f"oci:{tmp_path}/dst", "--prioritize", "f")
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert "layer 0 (sha256:" in err
    assert [path.name for path in tmp_path.iterdir()] == ["src"]


HOSTILE_TARS = {
    "a name with ..": tar_of(name="a/../../etc/shadow"),
    "a hard link that leaves": tar_of(name="x", type=tarfile.LNKTYPE, linkname="../../etc/shadow"),
    "a hard link to itself": tar_of(name="x", type=tarfile.LNKTYPE, linkname="x"),
}


@pytest.mark.parametrize("name", HOSTILE_TARS)
def test_a_hostile_layer_is_not_converted(tmp_path, capsys, name):
    put_image(f"oci:{tmp_path}/src", [HOSTILE_TARS[name]], tmp=tmp_path)
    status, out, err = run(capsys, "convert", tmp_path / "src", f"oci:{tmp_path}/dst")
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["src"]


@pytest.mark.parametrize(
    ("number", "status", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_a_conversion_that_is_stopped_leaves_nothing(tmp_path, number, status, word):
    scratch, target = tmp_path / "scratch", tmp_path / "out" / "lazy"
    scratch.mkdir()
    source = f"oci:{tmp_path}/src"
    assert main(["image", "synth", source, "--size", "60MB", "--layers", "3", "--compressibility", "0.3"]) == 0
    arguments = [sys.executable, "-c", SCRIPT, "image", "convert", source, f"oci:{target}"]
    environment = {**os.environ, "TMPDIR": str(scratch)}
    with subprocess.Popen(arguments, env=environment, stderr=subprocess.PIPE, text=True) as process:
        while not list(target.parent.glob(".lazy.*/blobs/sha256/*")):  # the first layer is done, two are to come
            assert process.poll() is None
            time.sleep(0.005)
        process.send_signal(number)
        _, err = process.communicate()
    assert process.returncode == status
    assert err.strip() == f"lazypull: {word}; what was finished is kept"
    assert list(scratch.iterdir()) == []
    assert list(target.parent.iterdir()) == []
