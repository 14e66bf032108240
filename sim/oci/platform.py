"""Which manifest of an index this machine, or the asked-for platform, gets.

Source: containerd/platforms v1.0.0-rc.5: database.go (names) and compare.go (`Only`: fallbacks and their order);
containerd, core/images/image.go, `Manifest`: entries without a platform come last and are judged by their config.
"""

import platform as machine
import sys
from collections.abc import Iterable, Iterator

from sim.core.errors import BadInput
from sim.oci.descriptor import Descriptor, Platform

AMD64_NAMES = ("amd64", "x86_64", "x86-64")
ARM64_NAMES = ("arm64", "aarch64")
ARM_NAMES = {"armhf": "v7", "armel": "v6"}
OLDEST_ARM = 5  # compare.go: arm/vN falls back as far as arm/v5
ARM64_V9_AHEAD = 5  # compare.go: v9.N also runs v8.(N+5)
MINOR_MAX = {8: 9, 9: 7}  # compare.go: arm64variantToVersion knows v8 to v8.9 and v9 to v9.7


def parse_platform(text: str) -> Platform:
    """Parse OS/ARCHITECTURE[/VARIANT] and normalise it. Raises `BadInput`."""
    parts = text.split("/")
    if not 2 <= len(parts) <= 3 or not all(
        part.replace("-", "").replace("_", "").replace(".", "").isalnum() for part in parts
    ):
        raise BadInput(f"platform {text!r}: write OS/ARCHITECTURE[/VARIANT], e.g. linux/amd64 or linux/arm/v7")
    return normalise(Platform(os=parts[0], architecture=parts[1], variant="".join(parts[2:])))


def this_platform() -> Platform:
    """The platform of this machine; elsewhere than on Linux, the Linux that containers run on there."""
    system = "linux" if sys.platform in ("linux", "darwin", "win32") else sys.platform
    return normalise(Platform(os=system, architecture=machine.machine()))


def normalise(platform: Platform) -> Platform:
    """The one spelling of a platform: x86_64 is amd64, aarch64/v8 is arm64, arm is arm/v7."""
    system = {"macos": "darwin", "": "linux"}.get(platform.os.lower(), platform.os.lower())
    architecture, variant = platform.architecture.lower(), platform.variant.lower()
    if architecture == "i386":
        architecture, variant = "386", ""
    elif architecture in AMD64_NAMES:
        architecture, variant = "amd64", "" if variant == "v1" else variant
    elif architecture in ARM64_NAMES:
        spelled = {"8": "", "v8": "", "v8.0": "", "9": "v9", "9.0": "v9", "v9.0": "v9"}
        architecture, variant = "arm64", spelled.get(variant, variant)
    elif architecture in ARM_NAMES:
        architecture, variant = "arm", ARM_NAMES[architecture]
    elif architecture == "arm":
        spelled = {"": "v7", "5": "v5", "6": "v6", "7": "v7", "8": "v8"}
        variant = spelled.get(variant, variant)
    return Platform(os=system, architecture=architecture, variant=variant)


def acceptable(platform: Platform) -> tuple[Platform, ...]:
    """What runs on `platform`, best first."""
    wanted = normalise(platform)
    pairs = _pairs(wanted.architecture, wanted.variant)
    made = (normalise(Platform(os=wanted.os, architecture=name, variant=variant)) for name, variant in pairs)
    return tuple(dict.fromkeys(made))


def rank(offered: Platform, accepted: tuple[Platform, ...]) -> int | None:
    """Place of an offered platform among the accepted ones, 0 the best; None if it is not among them."""
    spelled = normalise(offered)
    return accepted.index(spelled) if spelled in accepted else None


def by_preference(entries: Iterable[Descriptor], accepted: tuple[Platform, ...]) -> list[Descriptor]:
    """The entries that fit, best first; those without a platform last, to be judged by their config."""
    ranked = []
    for entry in entries:
        place = len(accepted) if entry.platform is None else rank(entry.platform, accepted)
        if place is not None:
            ranked.append((place, entry))
    return [entry for _, entry in sorted(ranked, key=lambda pair: pair[0])]


def _pairs(architecture: str, variant: str) -> Iterator[tuple[str, str]]:
    """Architecture and variant that run there, best first."""
    match architecture:
        case "amd64":
            yield architecture, variant
            for version in range(_version(variant) - 1, 0, -1):
                yield architecture, f"v{version}"
            yield "386", ""
        case "arm":
            yield architecture, variant
            for version in range(_version(variant) - 1, OLDEST_ARM - 1, -1):
                yield architecture, f"v{version}"
        case "arm64":
            yield from _arm64(variant or "v8")
        case _:
            yield architecture, variant


def _arm64(variant: str) -> Iterator[tuple[str, str]]:
    """Versions down to v8.0, then 32-bit arm; nothing for a variant that the reference does not know."""
    head, _, tail = variant.removeprefix("v").partition(".")
    major, minor = _number(head), _number(tail)
    if minor > MINOR_MAX.get(major, -1):
        return
    if major == 9:
        yield from (("arm64", f"v9.{lower}") for lower in range(minor, -1, -1))
        minor = min(minor + ARM64_V9_AHEAD, MINOR_MAX[8])
    yield from (("arm64", f"v8.{lower}") for lower in range(minor, -1, -1))
    yield from _pairs("arm", "v8")


def _version(variant: str) -> int:
    return _number(variant.removeprefix("v"))


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 3 else 0
