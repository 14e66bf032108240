"""One tree and one layout of layers that may each have another format."""

from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from sim.core.layout import LAYOUT_KIND, Layout
from sim.core.tree import FILES_SCHEMA, Tree
from sim.formats.estargz import EstargzBlob, layers_layout
from sim.formats.tarlayer import TarLayer, tar_layers_layout
from sim.oci.descriptor import Descriptor


def image_layout(
    layers: Sequence[EstargzBlob | TarLayer],
    descriptors: Sequence[Descriptor],
    raw_sizes: Sequence[int | None],
    *,
    synthetic: bool,
) -> tuple[Tree, Layout]:
    """Tree and layout of an image's layers, bottom first; digests and media types are the manifest's.

    raw_sizes: of lazy layers, where known. `Layout.format` has the formats of all layers, joined with "+".
    """
    lazy = [layer for layer in layers if isinstance(layer, EstargzBlob)]
    ordinary = [layer for layer in layers if isinstance(layer, TarLayer)]
    if not lazy:
        tree, layout = tar_layers_layout(ordinary)
    elif not ordinary:
        digests = [descriptor.digest for descriptor in descriptors]
        tree, layout = layers_layout(lazy, digests=digests, raw_sizes=raw_sizes)
    else:
        tree, layout = _mixed(
            [
                tar_layers_layout([layer])
                if isinstance(layer, TarLayer)
                else layers_layout([layer], digests=[descriptor.digest], raw_sizes=[raw_size])
                for layer, descriptor, raw_size in zip(layers, descriptors, raw_sizes, strict=True)
            ]
        )
    media_types = pa.array([descriptor.media_type for descriptor in descriptors], pa.string())
    column = layout.blobs.schema.get_field_index("media_type")
    blobs = layout.blobs.set_column(column, "media_type", media_types)
    return replace(tree, synthetic=synthetic), replace(layout, blobs=blobs, synthetic=synthetic)


def _mixed(parts: Sequence[tuple[Tree, Layout]]) -> tuple[Tree, Layout]:
    """Put one-layer images on top of each other."""
    tree = Tree(_stack(FILES_SCHEMA, [_add(part.files, layer=number) for number, (part, _) in enumerate(parts)]))
    name = "+".join(sorted({layout.format for _, layout in parts}))
    return tree, Layout(name, tree.content_id, **_join([layout for _, layout in parts]))


def _join(layouts: Sequence[Layout]) -> dict[str, pa.Table]:
    """Tables of one-layer layouts one below the other, their row numbers moved on."""
    tables: dict[str, list[pa.Table]] = {name: [] for name in LAYOUT_KIND.tables}
    entries = units = 0
    for number, layout in enumerate(layouts):
        tables["blobs"].append(_add(layout.blobs, layer=number))
        tables["entries"].append(_add(layout.entries, layer=number, blob=number))
        tables["units"].append(_add(layout.units, blob=number))
        tables["extents"].append(_add(layout.extents, entry=entries, unit=units))
        tables["index"].append(_add(layout.index, blob=number))
        entries += layout.entries.num_rows
        units += layout.units.num_rows
    return {name: _stack(schema, tables[name]) for name, schema in LAYOUT_KIND.tables.items()}


def _add(table: pa.Table, **steps: int) -> pa.Table:
    """Add a number to all of some columns."""
    for name, step in steps.items():
        place = table.schema.get_field_index(name)
        table = table.set_column(
            place, table.schema.field(place), pc.add(table.column(name), pa.scalar(step, pa.int32()))
        )
    return table


def _stack(schema: pa.Schema, tables: Sequence[pa.Table]) -> pa.Table:
    return pa.concat_tables([*tables, schema.empty_table()]).unify_dictionaries().combine_chunks()
