"""An image as people read it: a head, one line a layer, one line a file."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sim.cli.table import format_table
from sim.core.units import format_size

if TYPE_CHECKING:
    from sim.image.convert import Converted, ConvertedLayer
    from sim.image.facts import FileFacts, ImageFacts, LayerFacts
    from sim.image.verify import Verification

SHORT_DIGEST = 19  # "sha256:" and 12 digits
LAYER_HEADER = ("layer", "digest", "format", "size", "raw", "files", "chunks", "TOC", "landmark", "before it", "files")
FILE_HEADER = ("path", "kind", "first", "layer", "size", "packed", "chunks")
CONVERTED_HEADER = ("layer", "digest", "was", "is", "files first")
NONE = "-"
LANDMARKS = {"prefetch": "prefetch", "no_prefetch": "no prefetch", "absent": "absent"}
FIRST = {True: "yes", False: "no", None: NONE}


def image_text(facts: "ImageFacts") -> str:
    """What the image is, and one line a layer."""
    head = [
        f"image     {facts.name}",
        f"manifest  {facts.digest}",
        f"platform  {facts.platform or NONE}",
        f"size      {format_size(facts.size_bytes)} compressed, layers: {len(facts.layers)}",
    ]
    if facts.synthetic:
        head.append("synthetic made-up files")
    notes = [note for layer in facts.layers for note in _notes(layer)]
    table = format_table(LAYER_HEADER, [_layer_row(layer) for layer in facts.layers], left=3)
    return "\n".join([*head, "", table, *([""] if notes else []), *notes])


def layer_text(layer: "LayerFacts") -> str:
    """All that is known of one layer."""
    rows = [
        ("digest", layer.digest),
        ("media type", layer.media_type),
        ("format", layer.format),
        ("size", f"{layer.size_bytes} bytes"),
        ("raw size", _bytes(layer.raw_size_bytes)),
    ]
    if layer.files is not None:
        rows.append(("files", f"{layer.files} of {_bytes(layer.files_bytes)}"))
    if layer.toc is not None:
        toc = layer.toc
        where = "in the TOC image" if toc.external else "in the layer"
        rows += [
            ("TOC", f"{where}, {toc.packed_bytes} bytes, {toc.raw_bytes} decompressed, {toc.entries} entries"),
            ("TOC digest", f"{toc.digest}{'' if toc.promised else ' (not in the annotations)'}"),
            ("chunks", f"{layer.chunks} in {layer.units} units"),
            ("landmark", _landmark(layer)),
        ]
    lines = [f"layer {layer.number}", *(f"  {name:<11}{text}" for name, text in rows)]
    return "\n".join([*lines, *(f"    {line}" for line in _histogram(layer))])


def files_text(files: "Sequence[FileFacts]") -> str:
    """One line a file."""
    return format_table(FILE_HEADER, [_file_row(file) for file in files], left=3)


def verification_text(done: "Verification") -> str:
    """One line a fault, or one that says what was found right."""
    if done.faults:
        return "\n".join(done.faults)
    chunks = sum(layer.chunks or 0 for layer in done.layers)
    files = sum(layer.files for layer in done.layers)
    size = format_size(sum(layer.raw_size_bytes for layer in done.layers))
    lazy = sum(layer.chunks is not None for layer in done.layers)
    return (
        f"{done.name}: right; layers {len(done.layers)} ({lazy} with a table of contents), files {files},"
        f" chunks {chunks}, {size} decompressed"
    )


def converted_text(dst: str, toc_image: str | None, done: "Converted") -> str:
    """What a conversion made: one line a layer, and what it came to. toc_image: where the TOCs went, if apart."""
    old, new = sum(layer.old.size for layer in done.layers), sum(layer.new.size for layer in done.layers)
    change = f" ({new / old - 1:+.1%})" if old else ""
    lines = [
        f"{dst}: {done.digest}",
        format_table(
            CONVERTED_HEADER, [_converted_row(number, layer) for number, layer in enumerate(done.layers)], left=2
        ),
        f"{format_size(old)} to {format_size(new)}{change}",
    ]
    if toc_image is not None:
        lines.append(f"tables of contents: {toc_image}; keep the two together")
    missing = [*done.missing, *(f"layer {number}: {path}" for number, path in _missing(done))]
    return "\n".join([*lines, *(f"not there, so not first: {text[:200]}" for text in missing)])


def converted_document(done: "Converted") -> dict[str, Any]:
    """The same for programs; descriptors as they stand in a manifest."""
    from sim.oci.documents import plain

    layers = [
        {
            "was": plain(layer.old),
            "is": plain(layer.new),
            "diff_id": layer.diff_id,
            "prioritised": layer.prioritised,
            "missing": layer.missing,
            "toc": plain(layer.toc) if layer.toc else None,
        }
        for layer in done.layers
    ]
    return {"digest": done.digest, "missing": done.missing, "layers": layers}


def _missing(done: "Converted") -> Iterator[tuple[int, str]]:
    for number, layer in enumerate(done.layers):
        yield from ((number, path) for path in layer.missing)


def _converted_row(number: int, layer: "ConvertedLayer") -> tuple[str, ...]:
    sizes = (format_size(layer.old.size), format_size(layer.new.size))
    return (str(number), layer.new.digest[:SHORT_DIGEST], *sizes, str(layer.prioritised))


def _layer_row(layer: "LayerFacts") -> tuple[str, ...]:
    has_landmark = layer.landmark == "prefetch"
    return (
        str(layer.number),
        layer.digest[:SHORT_DIGEST],
        layer.format,
        format_size(layer.size_bytes),
        NONE if layer.raw_size_bytes is None else format_size(layer.raw_size_bytes),
        _count(layer.files),
        _count(layer.chunks),
        NONE if layer.toc is None else format_size(layer.toc.packed_bytes),
        NONE if layer.landmark is None else LANDMARKS[layer.landmark],
        format_size(layer.prefetch_bytes) if has_landmark and layer.prefetch_bytes is not None else NONE,
        _count(layer.prefetch_files) if has_landmark else NONE,
    )


def _notes(layer: "LayerFacts") -> list[str]:
    if layer.toc is not None and not layer.toc.promised:
        return [
            f"layer {layer.number}: no annotation names the digest of its TOC, so no snapshotter will mount it;"
            " convert the image again"
        ]
    return []


def _landmark(layer: "LayerFacts") -> str:
    if layer.landmark != "prefetch":
        return {"no_prefetch": "says that nothing is to be prefetched", None: NONE}.get(layer.landmark, "absent")
    return f"after {layer.prefetch_bytes} bytes and {layer.prefetch_files} files that are to be prefetched"


def _histogram(layer: "LayerFacts") -> list[str]:
    rows = []
    for bucket in layer.chunk_sizes:
        upper = "more" if bucket.up_to_bytes is None else _binary(bucket.up_to_bytes)
        rows.append((upper, str(bucket.chunks), format_size(bucket.raw_bytes)))
    return format_table(("chunks up to", "chunks", "in all"), rows, left=0).splitlines() if rows else []


def _binary(size: int) -> str:
    return f"{size >> 20} MiB" if size >= 1 << 20 else f"{size >> 10} KiB"


def _file_row(file: "FileFacts") -> tuple[str, ...]:
    path = file.path if file.link is None else f"{file.path} -> {file.link}"
    printable = path.translate(dict.fromkeys((*range(32), 127), "�"))
    return (
        printable,
        file.kind,
        FIRST[file.first],
        str(file.layer),
        str(file.size_bytes),
        _count(file.packed_bytes),
        _count(file.chunks),
    )


def _bytes(count: int | None) -> str:
    return "not known without reading the layer" if count is None else f"{count} bytes"


def _count(count: int | None) -> str:
    return NONE if count is None else str(count)
