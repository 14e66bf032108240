"""What containerd and the snapshotter say in their debug logs: when a layer was unpacked, resolved, mounted. Pure."""

import re
from collections.abc import Iterable
from datetime import datetime

import msgspec

_UNPACKED = re.compile(
    r'time="(?P<time>[^"]+)" level=debug msg="diff applied" d=(?P<took>\S+) digest="(?P<digest>[^"]+)"'
)
_DURATION = re.compile(r"([\d.]+)(h|ms|m|s|µs|us|ns)")  # Go's time.Duration: "1m2.5s"
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "µs": 1e-6, "us": 1e-6, "ns": 1e-9}
_MILLISECONDS = re.compile(r"value=([\d.]+) milliseconds")


class LoggedSpan(msgspec.Struct, frozen=True):
    """Something a daemon did: kind as in a result's spans, seconds since 1970, the layer's digest.

    mount: layers are mounted in order, and the log names snapshots; `layer` is None there.
    """

    kind: str
    layer: str | None
    start: float
    end: float


class _Line(msgspec.Struct):
    """A line of the snapshotter's JSON log, as far as it is used."""

    time: str
    msg: str
    key: str = ""
    src: str = ""
    operation: str = ""
    layer_sha: str = ""


def unpacks(lines: Iterable[str]) -> list[LoggedSpan]:
    """Layers that containerd applied. Source: containerd core/diff/apply/apply.go, "diff applied"."""
    found = (_UNPACKED.search(line) for line in lines)
    return [
        LoggedSpan(
            "unpack", match["digest"], _instant(match["time"]) - duration_s(match["took"]), _instant(match["time"])
        )
        for match in found
        if match is not None
    ]


def lazy_steps(lines: Iterable[str]) -> list[LoggedSpan]:
    """Layers resolved, mounted and prefetched. Source: stargz-snapshotter fs/layer/layer.go, snapshot/snapshot.go.

    A line that is torn or in another form is passed over: a daemon that is killed leaves one.
    """
    spans: list[LoggedSpan] = []
    begun: dict[tuple[str, str], float] = {}
    for raw in lines:
        try:
            line = msgspec.json.decode(raw, type=_Line)
        except msgspec.DecodeError:
            continue
        now = _instant(line.time)
        layer = line.src.rpartition("/")[2]  # REFERENCE/DIGEST
        if line.msg == "resolving":
            begun.setdefault(("resolve", layer), now)
        elif line.msg == "resolved" and ("resolve", layer) in begun:
            spans.append(LoggedSpan("resolve", layer, begun.pop(("resolve", layer)), now))
        elif line.msg.startswith("preparing filesystem mount"):
            begun["mount", line.key] = now
        elif line.msg == "prepared remote snapshot" and ("mount", line.key) in begun:
            spans.append(LoggedSpan("mount", None, begun.pop(("mount", line.key)), now))
        elif line.operation == "prefetch_total" and (took := _MILLISECONDS.match(line.msg)):
            spans.append(LoggedSpan("prefetch", line.layer_sha, now - float(took[1]) / 1e3, now))
    return spans


def duration_s(text: str) -> float:
    """Seconds of a Go duration, like "1m2.5s" or "368.1ms"."""
    return sum(float(amount) * _SECONDS[unit] for amount, unit in _DURATION.findall(text))


def _instant(text: str) -> float:
    """Seconds since 1970 of an RFC 3339 time with up to nine decimals, of which Python keeps six."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{whole}+00:00").timestamp() + float(f"0.{fraction or 0}")
