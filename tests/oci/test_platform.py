"""Which platform gets which image, as containerd decides it."""

import pytest

from sim.core.errors import BadInput
from sim.oci.descriptor import Descriptor
from sim.oci.platform import acceptable, by_preference, parse_platform, this_platform

OFFERED = (
    "linux/amd64 linux/amd64/v1 linux/amd64/v2 linux/amd64/v3 linux/386 linux/arm linux/arm/v5 linux/arm/v6"
    " linux/arm/v7 linux/arm/v8 linux/arm64 linux/arm64/v8 linux/arm64/v8.1 linux/arm64/v8.5 linux/arm64/v8.6"
    " linux/arm64/v9 linux/arm64/v9.1 linux/arm64/v9.7 linux/riscv64 linux/s390x windows/amd64 darwin/arm64"
)
ARM_V7 = "linux/arm linux/arm/v7 linux/arm/v6 linux/arm/v5"
ARM64 = f"linux/arm64 linux/arm64/v8 linux/arm/v8 {ARM_V7}"
# Printed by github.com/containerd/platforms v1.0.0-rc.5: of the offered, those `Only(wanted)` matches, in its order
CHOSEN = [
    ("linux/amd64", "linux/amd64 linux/amd64/v1 linux/386"),
    ("linux/x86_64", "linux/amd64 linux/amd64/v1 linux/386"),
    ("linux/amd64/v3", "linux/amd64/v3 linux/amd64/v2 linux/amd64 linux/amd64/v1 linux/386"),
    ("linux/386", "linux/386"),
    ("linux/i386", "linux/386"),
    ("linux/arm", ARM_V7),
    ("linux/armhf", ARM_V7),
    ("linux/armel", "linux/arm/v6 linux/arm/v5"),
    ("linux/arm/v5", "linux/arm/v5"),
    ("linux/arm/v6", "linux/arm/v6 linux/arm/v5"),
    ("linux/arm/v8", f"linux/arm/v8 {ARM_V7}"),
    ("linux/arm64", ARM64),
    ("linux/aarch64", ARM64),
    ("linux/arm64/v8.2", f"linux/arm64/v8.1 {ARM64}"),
    ("linux/arm64/v9", f"linux/arm64/v9 linux/arm64/v8.5 linux/arm64/v8.1 {ARM64}"),
    (
        "linux/arm64/v9.7",
        f"linux/arm64/v9.7 linux/arm64/v9.1 linux/arm64/v9 linux/arm64/v8.6 linux/arm64/v8.5 linux/arm64/v8.1 {ARM64}",
    ),
    ("linux/arm64/v10", ""),
    ("linux/riscv64", "linux/riscv64"),
    ("linux/s390x", "linux/s390x"),
    ("windows/amd64", "windows/amd64"),
    ("macos/aarch64", "darwin/arm64"),
]


@pytest.mark.parametrize(("wanted", "chosen"), CHOSEN)
def test_what_containerd_would_choose_in_its_order(wanted, chosen):
    entries = [_entry(text) for text in OFFERED.split()]
    found = by_preference(entries, acceptable(parse_platform(wanted)))
    assert [entry.digest for entry in found] == chosen.split()


def test_entries_without_a_platform_come_last():
    bare = Descriptor(media_type="x", digest="bare", size=0)
    found = by_preference([bare, _entry("linux/386"), _entry("linux/amd64")], acceptable(parse_platform("linux/amd64")))
    assert [entry.digest for entry in found] == ["linux/amd64", "linux/386", "bare"]


@pytest.mark.parametrize("text", ["", "linux", "linux/", "/amd64", "linux/arm/v7/x", "linux/am d64", "li\nux/amd64"])
def test_what_is_no_platform_is_refused(text):
    with pytest.raises(BadInput, match="linux/amd64"):
        parse_platform(text)


def test_this_machine_has_a_platform_that_reads_back():
    assert parse_platform(str(this_platform())) == this_platform()


def _entry(text):
    return Descriptor(media_type="x", digest=text, size=0, platform=parse_platform(text))
