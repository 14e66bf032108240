"""Images for calibration: of the Go distribution's files and of repeating lines; never of a workload."""

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sim.catalog.converter import BLOB_FILE, convert_layer
from sim.core.errors import NotPossibleHere
from sim.core.source import FileSource
from sim.formats.estargz import open_blob
from sim.oci.diff import write_layer
from sim.oci.folder import ImageConfig, ImageLayer, write_image
from sim.oci.packed import LayerBlob
from sim.testbed.images import TOC_DIGEST

NEWEST_S = 1_700_000_000  # modification time of every file, so that the same inputs give the same image
FILES_A_FOLDER = 50
DEEP = "usr/lib/calibration/of/deep/paths"  # as deep as distribution packages: each component is looked at again
PROGRAM = "program"


@dataclass(frozen=True, slots=True)
class Group:
    """Equal files: how many, of how many bytes, cut from "corpus" or "lines".

    ahead: they lie before the prefetch landmark of a lazy layer, which has none otherwise.
    """

    count: int
    size: int
    content: str = "corpus"
    ahead: bool = False


# Layers that are unpacked alone: many small files, middling ones, few large ones, less and more compressible.
UNPACKED = (
    Group(4000, 512),
    Group(3000, 8 << 10),
    Group(800, 64 << 10),
    Group(6, 12 << 20),
    Group(6, 12 << 20, "lines"),
)
INDEXED = (Group(1000, 64), Group(4000, 64), Group(10_000, 64))  # lazy layers with more and more to parse
TINY = Group(10, 512)  # a layer that costs nothing but its bookkeeping
TINY_LAYERS = (1, 6)
LARGE_AHEAD = Group(4000, 32 << 10, ahead=True)  # a layer whose prefetch is decoded while the others are mounted


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of a synthetic image. toc_bytes: of the JSON of its TOC; 0 unless it is lazy."""

    blob: LayerBlob
    toc_bytes: int


@dataclass(frozen=True, slots=True)
class Contents:
    """What files are cut from."""

    corpus: bytes
    lines: bytes

    def cut(self, group: Group, number: int) -> bytes:
        """The content of one file of a group."""
        data: bytes = getattr(self, group.content)
        start = number * 7919 * 512 % (len(data) - group.size + 1)
        return data[start : start + group.size]


def contents(go_root: Path, size: int = 32 << 20) -> Contents:
    """The kinds of content, `size` bytes each. Raises `NotPossibleHere` when the distribution is too small."""
    corpus = bytearray()
    for file in _files(go_root):
        data = file.read_bytes()
        corpus += data[: size // 2] if file.parent.name == "bin" else data  # half binary, half text
        if len(corpus) >= size:
            break
    if len(corpus) < size:
        raise NotPossibleHere(f"{go_root}: holds less than {size} bytes; the calibration inputs need a Go distribution")
    line = "{}: the same line again and again, but for its number\n"
    lines = "".join(line.format(number) for number in range(size // 50))
    return Contents(bytes(corpus[:size]), lines.encode()[:size])


def _files(go_root: Path) -> Iterator[Path]:
    yield from sorted(path for path in (go_root / "bin").iterdir() if path.is_file())
    for folder, below, names in os.walk(go_root / "src"):
        below.sort()
        yield from (Path(folder, name) for name in sorted(names))


def image(folder: Path, groups: Sequence[Group], data: Contents, program: Path, *, lazy: bool) -> list[Layer]:
    """Write an image of one layer a group into `folder`; the first also holds the program that it runs."""
    layers = []
    for number, group in enumerate(groups):
        root = folder / f"root-{number}"
        _fill(root / _folder(number), group, data)
        if number == 0:
            shutil.copy(program, root / PROGRAM)
            (root / PROGRAM).chmod(0o755)
        blob = folder / f"layer-{number}"
        layers.append(ImageLayer(write_layer(root, blob, newest_s=NEWEST_S), blob, {}))
        shutil.rmtree(root)
    if lazy:
        ahead = [_ahead(number, group) for number, group in enumerate(groups)]
        layers = [_lazy(*both) for both in zip(layers, ahead, strict=True)]
    write_image(folder, "calibration", layers, ImageConfig(command=[f"/{PROGRAM}"], env={}, cwd="/"))
    return [Layer(layer.blob, _toc_bytes(layer.file) if lazy else 0) for layer in layers]


def _toc_bytes(file: Path) -> int:
    """How long a lazy layer's TOC is as JSON."""
    with FileSource(file) as source:
        return open_blob(source).toc.raw_size


def entries(group: Group) -> int:
    """How many files and folders a layer of this group has, the program's among them or not."""
    return group.count + -(-group.count // FILES_A_FOLDER) + len(DEEP.split("/")) + 1


def _folder(layer: int) -> str:
    return f"{DEEP}/layer-{layer}"


def _file(number: int) -> str:
    return f"{number // FILES_A_FOLDER:04}/{number:06}"


def _fill(root: Path, group: Group, data: Contents) -> None:
    for number in range(group.count):
        file = root / _file(number)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data.cut(group, number))


def _ahead(layer: int, group: Group) -> list[str]:
    return [f"{_folder(layer)}/{_file(number)}" for number in range(group.count)] if group.ahead else []


def _lazy(layer: ImageLayer, prioritized: Sequence[str]) -> ImageLayer:
    facts = convert_layer(layer.file, layer.file.with_name(f"{layer.file.name}-estargz"), prioritized)
    file = layer.file.with_name(f"{layer.file.name}-estargz") / BLOB_FILE
    blob = LayerBlob(facts.digest, facts.diff_id, facts.size, facts.uncompressed_size)
    return ImageLayer(blob, file, {TOC_DIGEST: facts.toc_digest})
