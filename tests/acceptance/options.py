"""Options of a conversion, and a set of them in which any two settings meet."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Format = Literal["estargz", "zstd:chunked", "external-toc"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionSet:
    """One conversion. landmark: files of the workload's trace go first. Sizes in bytes."""

    format: Format
    chunk_size_bytes: int
    min_chunk_size_bytes: int
    level: int
    landmark: bool

    @property
    def name(self) -> str:
        """Also a tag of a registry."""
        sizes = f"{self.chunk_size_bytes // 1024}k-min{self.min_chunk_size_bytes}"
        return f"{self.format.replace(':', '-')}-{sizes}-{self.level}-{'first' if self.landmark else 'plain'}"

    def of_lazypull(self, trace: Path) -> list[str]:
        """For `lazypull image convert`."""
        sizes = ["--chunk-size", str(self.chunk_size_bytes), "--min-chunk-size", str(self.min_chunk_size_bytes)]
        kind = {"estargz": [], "zstd:chunked": ["--zstd-chunked"], "external-toc": ["--external-toc"]}[self.format]
        first = ["--prioritize-from", str(trace)] if self.landmark else []
        return [*sizes, "--level", str(self.level), *kind, *first]

    def of_reference(self, toc: Path, listed: Path) -> list[str]:
        """For the reference converter. toc: file for an external one; listed: file of what goes first, if it exists."""
        sizes = ["-chunk-size", str(self.chunk_size_bytes), "-min-chunk-size", str(self.min_chunk_size_bytes)]
        kind = {"estargz": [], "zstd:chunked": ["-zstd"], "external-toc": ["-external-toc", str(toc)]}[self.format]
        first = ["-prioritized", str(listed)] if listed.exists() else []
        return [*sizes, "-level", str(self.level), *kind, *first]


def options(kind: Format, chunk_size: int, min_chunk_size: int, level: int, landmark: bool) -> OptionSet:
    """A row of the table below."""
    return OptionSet(
        format=kind,
        chunk_size_bytes=chunk_size,
        min_chunk_size_bytes=min_chunk_size,
        level=level,
        landmark=landmark,
    )


SMALL, LARGE = 128 << 10, 4 << 20
SHARED = 100_000
PAIRWISE = (
    options("estargz", LARGE, 0, 9, False),  # the defaults
    options("estargz", SMALL, SHARED, 1, True),
    options("zstd:chunked", LARGE, 0, 1, True),
    options("zstd:chunked", SMALL, SHARED, 9, False),
    options("external-toc", LARGE, SHARED, 9, True),
    options("external-toc", SMALL, 0, 1, False),
)
SLICE = (PAIRWISE[1], PAIRWISE[2])  # the quick ones, for `make test`
