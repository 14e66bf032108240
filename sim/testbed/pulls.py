"""Calibration in place: synthetic images pulled from the testbed's own registry over an unshaped link.

What a pull costs besides the bytes is bookkeeping of several daemons that take turns; timed alone, each is quicker.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from statistics import mean

from sim.core.errors import RunFailed
from sim.oci.packed import LayerBlob
from sim.testbed import link, process, push, snapshotter, synthetic, up
from sim.testbed.binaries import Binaries
from sim.testbed.cold_run import Measured, Order, cold_run
from sim.testbed.fit import Sample
from sim.testbed.link import Shape
from sim.testbed.names import Addresses, names
from sim.testbed.synthetic import Contents, Group, Layer

TESTBED = "calib"
SERVED = 50  # small requests in a row for the registry's own time
CARRIED = 10  # answers of a whole layer in a row for what the link takes of the node's cores
PLAIN = snapshotter.Settings()
GIGABIT = Shape(rate_bytes_s=125e6)  # where that matters: on slower links the cores wait anyway


@contextmanager
def testbed() -> Iterator[Addresses]:
    """A testbed for the time of a calibration. Root needed."""
    try:
        yield up.up(TESTBED, shape=Shape(), settings=snapshotter.Settings())
    finally:
        up.down(TESTBED)


class Pulls:
    """Pulls synthetic images, each `reps` times on a cold node, on the testbed that is up."""

    def __init__(self, addresses: Addresses, programs: Binaries, work: Path, data: Contents, reps: int) -> None:
        self._addresses, self._programs, self._work, self._data, self._reps = addresses, programs, work, data, reps
        self._here = names(TESTBED)
        self._any_blob = ""

    def measure(self, say: Callable[[str], None]) -> list[Sample]:
        """All of it."""
        samples: list[Sample] = []
        for layers in synthetic.TINY_LAYERS:
            say(f"measuring pulls of {layers} tiny layers")
            samples += self.tiny(layers, lazy=False)
            samples += self.tiny(layers, lazy=True)
        for group in synthetic.INDEXED:
            say(f"measuring the index of {group.count} files")
            samples += self.indexed(group)
        for group in synthetic.UNPACKED:
            say(f"measuring unpack of {group.count} files of {group.size} bytes ({group.content})")
            samples += self.unpacked(group)
        say("measuring mounts while a prefetch is decoded")
        return [*samples, *self.busy(), *self.served(), self.carried()]

    def tiny(self, layers: int, *, lazy: bool) -> Iterator[Sample]:
        """What a pull of layers without content costs."""
        kind = "lazy" if lazy else "full"
        runs, _ = self._runs(f"tiny-{kind}-{layers}", [synthetic.TINY] * layers, lazy=lazy)
        for run in runs:
            yield from bookkeeping(run, layers, kind)

    def indexed(self, group: Group) -> Iterator[Sample]:
        """What reading the TOC of one layer costs in the snapshotter, and what passes until the pull is over."""
        runs, (layer,) = self._runs(f"toc-{group.count}", [group], lazy=True)
        for run in runs:
            yield from reading_index(run, group, layer.toc_bytes)

    def busy(self) -> Iterator[Sample]:
        """What passes after the last index while a layer's prefetch takes all cores and the tiny ones are mounted."""
        groups = [synthetic.LARGE_AHEAD, *[synthetic.TINY] * max(synthetic.TINY_LAYERS)]
        runs, _ = self._runs("busy", groups, lazy=True, settings=snapshotter.Settings(prefetch=True))
        for run in runs:
            yield mounting(run)

    def unpacked(self, group: Group) -> Iterator[Sample]:
        """What storing and unpacking one layer costs in the daemon."""
        name = f"{group.content}-{group.count}-{group.size}"
        runs, (layer,) = self._runs(name, [group], lazy=False)
        for run in runs:
            yield from unpacking(run, group, layer.blob)

    def served(self) -> Iterator[Sample]:
        """What one small request for a blob takes from here to the registry and back."""
        with closing(HTTPConnection(self._addresses.registry_host)) as connection:
            for _ in range(SERVED):
                begin_s = time.perf_counter()
                connection.request("GET", self._any_blob, headers={"Range": "bytes=0-0"})
                connection.getresponse().read()
                yield Sample("served", 0, 1, time.perf_counter() - begin_s)

    def carried(self) -> Sample:
        """Processor time that the link's two ends, which run on the node's cores, take for each megabyte."""
        link.reshape(self._here, GIGABIT)
        forwarder = process.recorded("forwarder", self._here.folder)
        if forwarder is None:
            raise RunFailed("the testbed's link is down; look for what ended it and calibrate again")
        begin_s, carried = forwarder.cpu_s(), 0
        with closing(HTTPConnection(self._addresses.registry_host)) as connection:
            for _ in range(CARRIED):
                connection.request("GET", self._any_blob)
                carried += len(connection.getresponse().read())
        return Sample("carried", 0, 1, (forwarder.cpu_s() - begin_s) / carried * 1e6)

    def _runs(
        self, name: str, groups: list[Group], *, lazy: bool, settings: snapshotter.Settings = PLAIN
    ) -> tuple[list[Measured], list[Layer]]:
        """Cold runs of an image, and its layers."""
        folder = self._work / name
        folder.mkdir(parents=True)
        layers = synthetic.image(folder, groups, self._data, self._programs.path("lazypull-firstinstr"), lazy=lazy)
        link.reshape(self._here, Shape())
        reference = push.push(folder, self._addresses.registry_host, name, "calibration")
        self._any_blob = f"/v2/{name}/blobs/{layers[0].blob.digest}"
        order = Order(image=reference, lazy=lazy, shape=Shape(), settings=settings)
        runs = [cold_run(self._here, self._addresses, order, self._programs) for _ in range(self._reps)]
        return runs, layers


def bookkeeping(run: Measured, layers: int, kind: str) -> Iterator[Sample]:
    """Of one pull of tiny layers: what passes before the first request, between documents, and after the last layer.

    documents: the tag, the manifest, the config; what follows each is the client's own work.
    """
    answers = sorted(run.requests, key=lambda request: request.started)
    answers = [request for request in answers if request.ended <= run.instants.pulled]
    layers_asked = {span.layer for span in run.spans if span.layer is not None}
    documents = [request for request in answers if request.blob not in layers_asked]
    rest = [request for request in answers if request.blob in layers_asked]
    yield Sample("pull_begin", 0, 1, answers[0].started - run.instants.asked)
    gaps = [after.started - before.ended for before, after in zip(documents, [*documents[1:], rest[0]], strict=True)]
    yield Sample("pull_document", 0, 1, mean(gaps))
    yield Sample(f"{kind}_create", 0, 1, run.instants.created - run.instants.pulled)
    yield Sample(f"{kind}_start", 0, 1, run.instants.started - run.instants.created)
    yield Sample(f"{kind}_tail", 0, layers, run.instants.pulled - max(request.ended for request in rest))


def reading_index(run: Measured, group: Group, toc_bytes: int) -> Iterator[Sample]:
    """Of one lazy pull of one layer: from the last byte of its TOC until it is resolved, and from then to the end."""
    (resolve,) = (span for span in run.spans if span.kind == "resolve")
    arrived = max(request.ended for request in run.requests if request.ended <= resolve.end)
    yield Sample("toc", toc_bytes, synthetic.entries(group), resolve.end - arrived)
    yield Sample("resolved_tail", 0, 1, run.instants.pulled - resolve.end)


def mounting(run: Measured) -> Sample:
    """Of one lazy pull: from the last layer resolved until the pull is over, by layers."""
    ends = [span.end for span in run.spans if span.kind == "resolve"]
    return Sample("busy_tail", 0, len(ends), run.instants.pulled - max(ends))


def unpacking(run: Measured, group: Group, blob: LayerBlob) -> Iterator[Sample]:
    """Of one full pull of one layer: the daemon's own time for unpacking, and from the layer's last byte until then."""
    (unpack,) = (span for span in run.spans if span.kind == "unpack")
    (arrived,) = (request.ended for request in run.requests if request.blob == unpack.layer and not request.ranges)
    yield Sample("unpack", blob.raw_size, synthetic.entries(group), unpack.end - unpack.start, blob.size)
    yield Sample("commit", blob.size, 1, max(0.0, unpack.start - arrived))
