"""What is found of a killed containerd."""

from pathlib import Path

from sim.testbed.leftovers import mounts_below

MOUNTINFO = """\
22 1 254:0 / / rw,relatime - ext4 /dev/root rw
90 22 0:50 / /x/t1/node/root/snap/1/fs rw,nosuid - fuse.stargz stargz rw
91 22 0:51 / /x/t1/node/state/with\\040blank rw - overlay overlay rw
92 22 0:52 / /x/t10/node/root/snap/1/fs rw - fuse.stargz stargz rw
93 22 0:53 / /x/t1 rw - tmpfs tmpfs rw
"""


def test_only_what_lies_below_newest_first():
    assert mounts_below(Path("/x/t1"), MOUNTINFO) == [
        "/x/t1",
        "/x/t1/node/state/with blank",
        "/x/t1/node/root/snap/1/fs",
    ]


def test_a_name_that_only_begins_alike_is_another_testbed():
    assert mounts_below(Path("/x/t"), MOUNTINFO) == []
