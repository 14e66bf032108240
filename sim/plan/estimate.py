"""The eStargz layout an image would have, from measured compressibility: nothing is compressed.

Where a gzip member may begin and the order of files follow the reference writer: stargz-snapshotter
estargz/estargz.go, `Writer.appendTar`, and estargz/build.go, `sortEntries`. Which chunks share one is our own rule.
"""

import hashlib
from collections.abc import Sequence

from sim.core.blocks import Blocks
from sim.core.errors import ContentMismatch
from sim.core.layout import Layout
from sim.plan.estimate_members import Measured, measured_of
from sim.plan.estimate_order import Names, blob_order, layer_names
from sim.plan.estimate_places import place_layer
from sim.plan.estimate_tables import EstimatedBlob, make_layout
from sim.plan.estimate_toc import toc_sizes
from sim.plan.layout_options import LayoutOptions

TAR_BLOCK = 512
TAR_END_BYTES = 1024  # two zero blocks, behind the TOC only


def estimate_layout(base: Layout, blocks: Blocks, options: LayoutOptions) -> Layout:
    """Layout of format "estargz", marked as estimated, without digests of units.

    base: the gzip layout of the image whose blocks were measured. Listed paths that a layer does not have are passed
    over, as the reference does when it is told to allow them. Raises `ContentMismatch`.
    """
    if blocks.content_id != base.content_id:
        raise ContentMismatch(
            f"blocks were measured on content {blocks.content_id}, the layout has {base.content_id}: they are not the "
            "same files; measure the blocks of this image"
        )
    measured, names = measured_of(blocks), layer_names(base) if options.priorities else None
    made = [_blob(measured, blocks, names, options, layer) for layer in range(blocks.layers.num_rows)]
    return make_layout(base, measured, made)


def _blob(
    measured: Measured, blocks: Blocks, names: Sequence[Names] | None, options: LayoutOptions, layer: int
) -> EstimatedBlob:
    listed = options.priorities[layer] if options.priorities and layer < len(options.priorities) else ()
    order = blob_order(measured, layer, names[layer] if names else None, listed)
    places = place_layer(measured, order, options)
    toc_raw, toc_size = toc_sizes(measured, layer, order.members, places, options.chunk_size_bytes)
    return EstimatedBlob(
        digest=_digest(blocks, options, layer, listed),
        order=order,
        places=places,
        raw_size=places.raw_size + TAR_BLOCK + toc_raw + -toc_raw % TAR_BLOCK + TAR_END_BYTES,
        toc_raw=toc_raw,
        toc_size=toc_size,
    )


def _digest(blocks: Blocks, options: LayoutOptions, layer: int, listed: Sequence[str]) -> str:
    """A name of its own for a blob that does not exist."""
    sizes = (options.chunk_size_bytes, options.min_chunk_size_bytes)
    text = repr(("estimated", blocks.content_id, blocks.compressor, layer, *sizes, tuple(listed)))
    return f"sha256:{hashlib.sha256(text.encode('utf-8', 'surrogateescape')).hexdigest()}"
