"""The experiment file's shape: one `Cell` is one run, checked at the edge, values kept as they were written."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from sim.core.network import Network, Outage, Registry
from sim.core.units import parse_duration, parse_rate
from sim.experiment.quantities import (
    ChunkSize,
    Duration,
    PerSecond,
    PositiveSize,
    Rate,
    Size,
    requests_per_s,
    size_bytes,
)
from sim.plan.layout_options import CHUNK_BYTES, LayoutOptions


class Part(BaseModel):
    """A piece of the file: unknown keys are refused, types are not bent."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class OutageConfig(Part):
    """The link carries nothing from `start` for `duration`."""

    start: Duration
    duration: Duration


class RegistryConfig(Part):
    """`sim.core.network.Registry` as people write it."""

    service: Duration = "1ms"
    requests_s: PerSecond = "unlimited"
    rate: Rate = "unlimited"
    token: bool = False
    redirect: bool = False
    tls_round_trips: Annotated[int, Field(ge=0, le=2)] = 0
    window: PositiveSize = "2.9MB"


class NetworkConfig(Part):
    """`sim.core.network.Network` as people write it."""

    rate: Rate = "100 Mbit/s"
    rtt: Duration = "20ms"
    wire_overhead: Annotated[float, Field(ge=1, lt=10)] = 1.0456
    bucket: Size = "0B"
    node_cpu_per_megabyte: Duration = "0ms"
    outages: list[OutageConfig] = []
    registry: RegistryConfig = RegistryConfig()

    def resolve(self) -> Network:
        """Numbers for the model: bytes, bytes per second, seconds."""
        registry = self.registry
        return Network(
            rate_bytes_s=parse_rate(self.rate),
            rtt_s=parse_duration(self.rtt),
            wire_overhead=float(self.wire_overhead),
            bucket_bytes=size_bytes(self.bucket),
            node_s_per_byte=parse_duration(self.node_cpu_per_megabyte) / 1e6,
            outages=tuple(
                Outage(start_s=parse_duration(outage.start), duration_s=parse_duration(outage.duration))
                for outage in self.outages
            ),
            registry=Registry(
                service_s=parse_duration(registry.service),
                requests_s=requests_per_s(registry.requests_s),
                rate_bytes_s=parse_rate(registry.rate),
                token=registry.token,
                redirect=registry.redirect,
                tls_round_trips=registry.tls_round_trips,
                window_bytes=size_bytes(registry.window),
            ),
        )


class ImageConfig(Part):
    """How the recorded image is padded with labelled synthetic files; null leaves a quantity as recorded.

    total: compressed bytes of all layers as gzip tar. layers: how many. read_share: of the files' raw bytes,
    what the workload reads before it is ready.
    """

    total: Size | None = None
    layers: Annotated[int, Field(ge=1, le=127)] | None = None  # 127: the most the kernel's overlay took in one mount
    read_share: Annotated[float, Field(gt=0, le=1)] | None = None

    @property
    def total_bytes(self) -> int | None:
        """Bytes asked for, None = as recorded."""
        return None if self.total is None else size_bytes(self.total)

    @property
    def as_recorded(self) -> bool:
        """No padding was asked for."""
        return self.total is None and self.layers is None and self.read_share is None


class LandmarkConfig(Part):
    """Which files lie before the prefetch landmark, and how they are arranged there.

    share: of the files that a recording reads in the image, those read first, by number. order: of these files: as
    first read, small ones first, or by path. trace: the recording that tells; second: the other throttled one.
    """

    share: Annotated[float, Field(ge=0, le=1)] = 1.0
    order: Literal["access", "size", "path"] = "access"
    trace: Literal["throttled", "second", "local"] = "throttled"


class LayoutConfig(Part):
    """Another eStargz layout of the recorded image than the catalog's, estimated; null leaves a setting as there.

    chunk_size: raw bytes of a chunk. min_chunk_size: compressed bytes from which a gzip member is closed, 0: a member
    for each chunk. landmark: for every eStargz strategy, share 0 for none; null: as the strategy's format has it.
    """

    chunk_size: ChunkSize | None = None
    min_chunk_size: Size | None = None
    landmark: LandmarkConfig | None = None

    def options(self, priorities: tuple[tuple[str, ...], ...] | None = None) -> LayoutOptions:
        """Numbers for the estimate; what is left out is as the converter has it."""
        return LayoutOptions(
            chunk_size_bytes=CHUNK_BYTES if self.chunk_size is None else size_bytes(self.chunk_size),
            min_chunk_size_bytes=0 if self.min_chunk_size is None else size_bytes(self.min_chunk_size),
            priorities=priorities,
        )

    @property
    def as_recorded(self) -> bool:
        """No other layout was asked for."""
        return self.chunk_size is None and self.min_chunk_size is None and self.landmark is None


class Switchable(Part):
    """A part that `none` leaves out."""

    off: bool = False

    @model_validator(mode="before")
    @classmethod
    def _none_is_off(cls, value: Any) -> Any:
        return {"off": True} if value == "none" else value


class PrefetchConfig(Switchable):
    """Fetch what lies before the landmark; create waits so long at most."""

    wait_at_most: Duration = "10s"


class BackgroundConfig(Switchable):
    """Fetch the rest when nothing was asked for so long."""

    quiet: Duration = "5s"
    max_concurrency: Annotated[int, Field(ge=1, le=64)] = 2


class StrategyConfig(Part):
    """A preset by name, or a mapping: `like` a preset, and what is different. null: as the preset has it."""

    like: str
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")] | None = None
    format: Literal["gzip", "estargz", "estargz-landmark"] | None = None
    region_size: PositiveSize | None = None
    downloads: Annotated[int, Field(ge=1, le=1000)] | None = None
    present_layers: Annotated[int, Field(ge=0)] | None = None
    prefetch: PrefetchConfig | None = None
    background: BackgroundConfig | None = None

    @property
    def label(self) -> str:
        """What result tables call it."""
        return self.name or self.like

    @model_validator(mode="before")
    @classmethod
    def _name_is_preset(cls, value: Any) -> Any:
        return {"like": value} if isinstance(value, str) else value

    @model_serializer(mode="wrap")
    def _as_written(self, serialize: SerializerFunctionWrapHandler) -> Any:
        given = {name: value for name, value in serialize(self).items() if value is not None}
        return self.like if given.keys() == {"like"} else given


class Cell(Part):
    """One run: an experiment file with its matrix resolved to one value each."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
    claim: str = ""
    workload: str
    strategy: StrategyConfig
    network: NetworkConfig = NetworkConfig()
    host: str = "reference"
    image: ImageConfig = ImageConfig()
    layout: LayoutConfig = LayoutConfig()
    nodes: Annotated[int, Field(ge=1, le=100_000)] = 1
    replicate: Annotated[int, Field(ge=0)] = 0
    seed: Annotated[int, Field(ge=0)] = 1
    what_ifs: bool = True

    @model_validator(mode="after")
    def _one_change(self) -> Self:
        if not self.image.as_recorded and not self.layout.as_recorded:
            raise ValueError(
                "image and layout were both given, but padded images have no estimated layout; leave out one"
            )
        return self

    @model_serializer(mode="wrap")
    def _without_default_layout(self, serialize: SerializerFunctionWrapHandler) -> Any:
        """Keep the form of results that were stored before layouts could be asked for."""
        given = serialize(self)
        if self.layout.as_recorded:
            del given["layout"]
        return given
