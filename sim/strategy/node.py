"""One node's run: pull, create, start, replay; and the parts its strategy is composed of."""

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

from simpy import Event

from sim.core.program import ROOT, Program, step_units
from sim.core.trace import READY_MARK
from sim.model.background import BackgroundFetch as Background
from sim.model.full_image import FullImage
from sim.model.image import RUNTIME_READS_AT_CREATE, RUNTIME_READS_AT_START, Image
from sim.model.lazy_image import Companion, LazyImage
from sim.model.prefetch import LandmarkPrefetch as Landmark
from sim.model.prefetch import PerfectPrefetch as Perfect
from sim.model.replay import Replay
from sim.model.stream_image import StreamImage
from sim.model.task_manager import TaskManager
from sim.model.timeline import APPLICATION, Timeline
from sim.model.world import World
from sim.strategy.case import Case
from sim.strategy.strategy import Containerd, LandmarkPrefetch, PerfectPrefetch, Stargz, Stream

Process = Generator[Event, Any, None]


@dataclass(slots=True)
class NodeRun:
    """What one node has and what it reached; times in seconds from the request."""

    node: int
    image: Image
    background: Background | None
    landmark: Landmark | None
    timeline: Timeline = field(default_factory=Timeline)  # pull, create and start
    pulled_s: float = 0.0
    created_s: float = 0.0
    started_s: float = 0.0
    ready_s: float = 0.0
    fetched_bytes: int = 0  # at ready
    unique_bytes: int = 0  # at ready
    replay: Replay | None = None


def needed_units(case: Case) -> list[int]:
    """Rows of the units the run touches, in order of need: the runtime's own reads, what ready waits for, the rest."""
    program = case.program
    runtime = [unit for path in RUNTIME_READS_AT_CREATE + RUNTIME_READS_AT_START for unit in _units_of(case, path)]
    chain = [unit for step in _steps_before_ready(program) for unit in step_units(program, step)]
    return list(dict.fromkeys(runtime + chain + program.units.tolist()))


def _steps_before_ready(program: Program) -> list[int]:
    """The chain of steps that ends at ready, in order."""
    chain = []
    step = int(program.mark_anchor[program.mark_names.index(READY_MARK)])
    while step != ROOT:
        chain.append(step)
        step = int(program.anchor[step])
    return chain[::-1]


def prepare(world: World, node: int, case: Case) -> NodeRun:
    """Compose the parts that a node's strategy names."""
    strategy, columns = case.strategy, case.columns
    match strategy.client:
        case Containerd(downloads=downloads, present_layers=present):
            return NodeRun(node, FullImage(world, node, columns, downloads=downloads, present=present), None, None)
        case Stream():
            return NodeRun(node, StreamImage(world, node, columns, needed_units(case)), None, None)
        case Stargz(region_size=region_size):
            quiet_s = strategy.background.quiet_s if strategy.background else 0.0
            image = LazyImage(world, node, columns, region_size, TaskManager(world, quiet_s=quiet_s))
            return _accompany(world, node, case, image)


def run_node(world: World, run: NodeRun, case: Case) -> Process:
    """From the request for the container until its workload's last recorded step."""
    env, image, timeline = world.env, run.image, run.timeline
    yield from image.pull(timeline)
    run.pulled_s = env.now
    yield from image.before_create(timeline)
    yield from _runtime_reads(run, case, RUNTIME_READS_AT_CREATE)
    yield from world.wait(image.create_s, APPLICATION, timeline)
    run.created_s = env.now
    yield from _runtime_reads(run, case, RUNTIME_READS_AT_START)
    yield from world.wait(image.start_s, APPLICATION, timeline)
    run.started_s = env.now
    run.replay = Replay(world, run.node, case.program, case.columns, image)
    run.replay.start()
    ready = case.program.mark_names.index(READY_MARK)
    yield run.replay.marked[ready]
    if case.readiness == "exit":
        yield from world.wait(case.host.exit_s, APPLICATION, timeline)
    run.ready_s = env.now
    run.fetched_bytes, run.unique_bytes = image.fetched_bytes, image.unique_bytes
    if not run.replay.finished.processed:
        yield run.replay.finished
    if run.background is not None:
        yield from run.background.stop()
    if run.landmark is not None:
        yield from run.landmark.wait()


def _accompany(world: World, node: int, case: Case, image: LazyImage) -> NodeRun:
    companions: list[Companion] = []
    landmark = background = None
    match case.strategy.prefetch:
        case LandmarkPrefetch(wait_at_most_s=wait_at_most_s):
            landmark = Landmark(world, node, image, wait_at_most_s=wait_at_most_s)
            companions.append(landmark)
        case PerfectPrefetch():
            companions.append(Perfect(image, needed_units(case)))
        case None:
            pass
    if case.strategy.background is not None:
        background = Background(world, image, max_concurrency=case.strategy.background.max_concurrency)
        companions.append(background)
    image.accompany(companions)
    return NodeRun(node, image, background, landmark)


def _runtime_reads(run: NodeRun, case: Case, paths: tuple[str, ...]) -> Process:
    """Files the runtime reads on its own account, outside the workload."""
    for path in paths:
        units = _units_of(case, path)
        if not run.image.holds(units):
            yield from run.image.read(units, run.timeline)


def _units_of(case: Case, path: str) -> list[int]:
    """Units of the file that the union of the layers shows; none where it shows none or it is empty."""
    columns = case.columns
    found = columns.overlay.lookup(path)
    if found is None or found.layer is None:
        return []
    entry = columns.entry_of[found.layer, path]
    if columns.entry_first_unit[entry] < 0:
        return []
    return list(range(int(columns.entry_first_unit[entry]), int(columns.entry_last_unit[entry]) + 1))
