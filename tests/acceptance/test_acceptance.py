"""What `lazypull image convert` writes is taken by the reference library, by `ctr-remote` and by the snapshotter.

Each test stores what it saw in the subject's row before it judges. No times: only what was mounted, asked and read.
"""

from sim.catalog.workloads import recipe
from sim.testbed.cold_run import Order, cold_run
from sim.testbed.link import Shape
from sim.testbed.requests import whole_blobs
from sim.testbed.snapshotter import Settings
from tests.acceptance import reference, remote


def whole_requests(subject, requests):
    """How often a whole layer was asked for."""
    return len(whole_blobs(requests, [layer.digest for layer in subject.layers]))


def test_the_reference_library_reads_the_bytes_of_the_source(subject, tool):
    """It opens the layer, verifies TOC and chunks, and every entry and byte is that of the layer it was made from."""
    reports = [reference.check(tool, layer.blob, layer.source, layer.toc) for layer in subject.layers]
    row = subject.row
    row.verified_layers = sum(not report["shared_units"] for report in reports)
    row.files, row.chunks, row.content_bytes = (sum(r[key] for r in reports) for key in ("files", "chunks", "bytes"))
    row.differences = sum(len(report["differences"]) for report in reports)
    assert [report["differences"][:3] for report in reports] == [[]] * len(reports)
    assert [report["toc_digest"] for report in reports] == [layer.toc_digest for layer in subject.layers]
    if not subject.options.min_chunk_size_bytes:
        assert row.verified_layers == len(reports)


def test_the_toc_is_the_reference_converters_but_for_places(subject, tool, tmp_path):
    row = subject.row
    row.toc_entries = row.toc_differences = 0
    for layer in subject.layers:
        ours = reference.toc_entries(layer.blob, layer.toc)
        theirs = reference.converted_entries(tool, layer.source, subject.options, layer.first, tmp_path)
        other = reference.differing(ours, theirs)
        row.toc_entries += len(theirs)
        row.toc_differences += len(other)
        assert other[:3] == []


def test_ctr_remote_takes_it(subject, stand):
    """`rpull` mounts every layer and fetches none; `get-toc-digest` finds what the manifest says."""
    pulled = remote.lazy_pull(stand, subject.image, prefetch=subject.options.landmark)
    row = subject.row
    row.rpull_mounts, row.rpull_whole_requests = pulled.mounts, whole_requests(subject, pulled.requests)
    assert (row.rpull_mounts, row.rpull_whole_requests) == (len(subject.layers), 0)
    if subject.options.format == "external-toc":
        return  # get-toc-digest looks into the layer, where no TOC is
    zstd = subject.options.format == "zstd:chunked"
    digests = remote.toc_digests(stand, subject.image, [layer.digest for layer in subject.layers], zstd=zstd)
    wanted = [layer.toc_digest for layer in subject.layers]
    row.asked_toc_digests = sum(one == other for one, other in zip(digests, wanted, strict=True))
    assert digests == wanted


def test_the_workload_runs_from_it(subject, stand):
    """A cold node mounts it and starts the workload, which becomes ready; a landmark is prefetched up to."""
    order = Order(
        image=subject.image,
        lazy=True,
        shape=Shape(),
        settings=Settings(prefetch=subject.options.landmark),
        readiness=recipe(subject.workload).readiness,
    )
    measured = cold_run(stand.here, stand.addresses, order, stand.programs)
    row = subject.row
    row.ready, row.run_mounts = True, measured.lazy_mounts
    row.run_whole_requests = whole_requests(subject, measured.requests)
    row.fetched_bytes = sum(r.bytes for r in measured.requests if r.ended <= measured.instants.ready)
    row.prefetched_layers = len({span.layer for span in measured.spans if span.kind == "prefetch"})
    assert (row.run_mounts, row.run_whole_requests) == (len(subject.layers), 0)
    assert row.prefetched_layers == sum(bool(layer.first) for layer in subject.layers)
    assert row.fetched_bytes < row.image_bytes
