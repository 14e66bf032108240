# ruff: noqa: D102 - the name of a test says what holds
"""Conformance suite of layer formats: what a tree and a layout must be, whatever format they were read from.

A format joins by subclassing `LayerFormatSuite` in its tests and overriding the abstract methods and the
`blob` fixture. Bytes are decoded here by the standard library, not by the format's own reader.
"""

import hashlib
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import zstandard

from sim.core.bundle import column
from sim.core.errors import BadBlob, BadInput
from sim.core.layout import LAYOUT_KIND, Layout, read_layout, write_layout
from sim.core.tree import FILES_SCHEMA, Tree, read_tree, write_tree

Ints = npt.NDArray[np.int64]


class LayerFormatSuite:
    """Tests that hold for every layer format. shared_bytes: that neighbouring units may both begin and end in."""

    shared_bytes = 0

    def build(self, blobs: Sequence[Path]) -> tuple[Tree, Layout]:
        """Read layers, bottom first, with the format under test."""
        raise NotImplementedError

    def expected_content_id(self, blob: Path) -> str:
        """Content id of a one-layer image with the blob's files, from an independent reader."""
        raise NotImplementedError

    def raw_unit(self, blob: Path, unit: dict[str, Any]) -> bytes:
        """Decoded bytes of a unit, a row of `units`, without the reader under test."""
        data = blob.read_bytes()
        return decode(data[unit["offset"] : unit["offset"] + unit["size"]], unit["codec"])

    def cuts(self, size: int) -> list[int]:
        """Sizes a blob of `size` bytes is cut to; each must be noticed."""
        return sorted({0, 1, *(size * part // 17 for part in range(1, 17)), size - 1})

    @pytest.fixture
    def blob(self) -> Path:
        """One layer; override with a parametrised fixture."""
        raise NotImplementedError

    def test_the_tree_is_what_an_independent_reader_sees(self, blob: Path) -> None:
        tree, layout = self.build([blob])
        assert tree.content_id == self.expected_content_id(blob)
        assert layout.content_id == tree.content_id

    def test_tables_follow_their_schemas(self, blob: Path) -> None:
        tree, layout = self.build([blob])
        assert tree.files.schema == FILES_SCHEMA
        for name, schema in LAYOUT_KIND.tables.items():
            assert getattr(layout, name).schema == schema, name

    def test_bundles_come_back_as_they_were_written(self, blob: Path, tmp_path: Path) -> None:
        tree, layout = self.build([blob])
        write_tree(tmp_path / "tree", tree, {})
        write_layout(tmp_path / "layout", layout, {})
        assert read_tree(tmp_path / "tree").files.equals(tree.files)
        again = read_layout(tmp_path / "layout")
        for name in LAYOUT_KIND.tables:
            assert getattr(again, name).equals(getattr(layout, name)), name

    def test_units_are_in_order_and_inside_their_blob(self, blob: Path) -> None:
        _, layout = self.build([blob, blob])
        sizes = column(layout.blobs, "size")
        assert sizes.tolist() == [blob.stat().st_size] * 2
        number, offset, size = (column(layout.units, name) for name in ("blob", "offset", "size"))
        assert (size > 0).all()
        assert (offset >= 0).all()
        assert (offset + size <= sizes[number]).all()
        same = number[1:] == number[:-1]
        assert (np.diff(number) >= 0).all()
        assert ((offset + size)[:-1][same] - self.shared_bytes <= offset[1:][same]).all()

    def test_index_is_inside_the_blob_and_apart_from_units(self, blob: Path) -> None:
        _, layout = self.build([blob])
        units = list(zip(column(layout.units, "offset"), column(layout.units, "size"), strict=True))
        for row in layout.index.to_pylist():
            assert row["size"] > 0
            assert row["raw_size"] > 0
            if row["offset"] is None:  # a blob of its own
                continue
            assert 0 <= row["offset"] < row["offset"] + row["size"] <= blob.stat().st_size
            assert all(start + size <= row["offset"] or start >= row["offset"] + row["size"] for start, size in units)

    def test_blob_digest_is_that_of_the_bytes(self, blob: Path) -> None:
        _, layout = self.build([blob])
        assert layout.blobs.column("digest").to_pylist() == [f"sha256:{hashlib.sha256(blob.read_bytes()).hexdigest()}"]

    def test_extents_cover_each_regular_file_exactly(self, blob: Path) -> None:
        _, layout = self.build([blob, blob])
        entry, start, length = (column(layout.extents, name) for name in ("entry", "file_offset", "length"))
        assert (length > 0).all()
        assert (np.diff(entry) >= 0).all()
        expected_start = np.where(np.diff(entry, prepend=-1) == 0, np.roll(start + length, 1), 0)
        assert start.tolist() == expected_start.tolist()
        covered = np.bincount(entry, weights=length, minlength=layout.entries.num_rows).astype(np.int64)
        assert covered.tolist() == column(layout.entries, "size").tolist()
        kinds = layout.entries.column("kind").to_pylist()
        assert {kinds[row] for row in entry.tolist()} <= {"reg"}

    def test_files_lie_in_the_blob_of_their_layer(self, blob: Path) -> None:
        _, layout = self.build([blob, blob])
        owner, unit = column(layout.extents, "entry"), column(layout.extents, "unit")
        assert column(layout.units, "blob")[unit].tolist() == column(layout.entries, "blob")[owner].tolist()
        assert column(layout.blobs, "layer").tolist() == [0, 1]
        assert column(layout.entries, "layer").tolist() == column(layout.entries, "blob").tolist()

    def test_entries_hold_every_file_of_the_tree(self, blob: Path) -> None:
        tree, layout = self.build([blob, blob])
        names = ("layer", "path", "kind", "size")
        listed = list(zip(*(layout.entries.column(name).to_pylist() for name in names), strict=True))
        assert listed == sorted(listed, key=lambda row: row[:2])
        assert set(zip(*(tree.files.column(name).to_pylist() for name in names), strict=True)) <= set(listed)

    def test_bytes_behind_the_extents_hash_to_the_tree(self, blob: Path) -> None:
        tree, layout = self.build([blob])
        found = {row["path"]: bytearray() for row in layout.entries.to_pylist() if row["kind"] == "reg"}
        paths = layout.entries.column("path").to_pylist()
        units = layout.units.to_pylist()
        for row in layout.extents.to_pylist():
            raw = self.raw_unit(blob, units[row["unit"]])
            found[paths[row["entry"]]] += raw[row["unit_offset"] : row["unit_offset"] + row["length"]]
        regular = {row["path"]: row["digest"] for row in tree.files.to_pylist() if row["kind"] == "reg"}
        assert {path: hashlib.sha256(found[path]).digest() for path in regular} == regular

    def test_unit_sizes_and_digests_are_those_of_the_files_in_it(self, blob: Path) -> None:
        _, layout = self.build([blob])
        extents = layout.extents.to_pylist()
        for number, unit in enumerate(layout.units.to_pylist()):
            inside = [row for row in extents if row["unit"] == number]
            assert sum(row["length"] for row in inside) <= unit["raw_size"]
            if unit["digest"] is not None and inside:
                (only,) = inside
                raw = self.raw_unit(blob, unit)
                part = raw[only["unit_offset"] : only["unit_offset"] + only["length"]]
                assert hashlib.sha256(part).digest() == unit["digest"]

    def test_layers_are_numbered_from_the_bottom(self, blob: Path) -> None:
        one, _ = self.build([blob])
        two, layout = self.build([blob, blob])
        assert layout.blobs.column("layer").to_pylist() == [0, 1]
        assert two.files.num_rows == 2 * one.files.num_rows
        upper = two.files.slice(one.files.num_rows).drop_columns("layer")
        assert upper.equals(one.files.drop_columns("layer"))

    def test_a_cut_blob_is_refused_in_one_line(self, blob: Path, tmp_path: Path) -> None:
        whole = blob.read_bytes()
        for size in self.cuts(len(whole)):
            cut = tmp_path / f"{size}.layer"
            cut.write_bytes(whole[:size])
            with pytest.raises(BadBlob) as caught:
                self.build([cut])
            assert str(cut) in str(caught.value)
            assert "\n" not in str(caught.value)

    def test_a_missing_file_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match="cannot read"):
            self.build([tmp_path / "nowhere"])

    def test_no_layers_are_an_empty_image(self) -> None:
        tree, layout = self.build([])
        assert tree.layers == 0
        assert [getattr(layout, name).num_rows for name in LAYOUT_KIND.tables] == [0] * len(LAYOUT_KIND.tables)


def decode(data: bytes, codec: str) -> bytes:
    """Raw bytes of a unit; gzip members or zstd frames one after another, as far as the unit's bytes go."""
    if codec == "raw":
        return data
    if codec == "zstd":
        return zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True).readall()
    raw = b""
    while data:
        member = zlib.decompressobj(wbits=31)
        raw += member.decompress(data)
        data = member.unused_data
    return raw
