"""The FUSE wire protocol as far as a read-only file system needs it. Source: linux/fuse.h, protocol 7.45."""

import os
import stat
import struct

LOOKUP, FORGET, GETATTR, READLINK = 1, 2, 3, 5
OPEN, READ, STATFS, RELEASE = 14, 15, 17, 18
GETXATTR, LISTXATTR, FLUSH, INIT = 22, 23, 25, 26
OPENDIR, READDIR, RELEASEDIR, INTERRUPT = 27, 28, 29, 36
DESTROY, BATCH_FORGET, READDIRPLUS = 38, 42, 44
NO_ANSWER = frozenset({FORGET, BATCH_FORGET, INTERRUPT})
ROOT_NODE = 1

IN_HEADER = struct.Struct("<IIQQIIIHH")  # length, opcode, unique, node, uid, gid, pid, extensions, padding
OUT_HEADER = struct.Struct("<IiQ")  # length, −errno, unique
INIT_IN = struct.Struct("<IIII")  # major, minor, max_readahead, flags
INIT_OUT = struct.Struct("<IIIIHHIIHHII24x")
OPEN_OUT = struct.Struct("<QIi")  # handle, FOPEN flags, backing id
READ_IN = struct.Struct("<QQI")  # handle, offset, size, …
XATTR_IN = struct.Struct("<II")  # size of the asker's buffer, padding
XATTR_OUT = struct.Struct("<II")
ATTR = struct.Struct("<6Q10I")
ATTR_OUT = struct.Struct("<QII")
ENTRY_OUT = struct.Struct("<QQQQII")
DIRENT = struct.Struct("<QQII")
STATFS_OUT = struct.Struct("<5Q4I24x")

PROTOCOL = (7, 28)  # as go-fuse 2.10.1 answers
ASYNC_READ, BIG_WRITES, FILE_OPS = 1 << 0, 1 << 5, 1 << 2
AUTO_INVAL_DATA, READDIRPLUS_ALWAYS = 1 << 12, 1 << 13
NO_OPEN_SUPPORT, PARALLEL_DIROPS, MAX_PAGES = 1 << 17, 1 << 18, 1 << 22
# What go-fuse 2.10.1 (the daemon's library) accepts of the kernel's offer; fuse/opcode.go, doInit.
DAEMON_FLAGS = (
    ASYNC_READ
    | BIG_WRITES
    | FILE_OPS
    | AUTO_INVAL_DATA
    | READDIRPLUS_ALWAYS
    | NO_OPEN_SUPPORT
    | PARALLEL_DIROPS
    | MAX_PAGES
)
MAX_READ = 131072  # bytes; go-fuse's default MaxWrite, also sent as max_read
MAX_BACKGROUND = 12
CONGESTION = 9
TIMEOUT_S = 1  # attributes and entries; stargz-snapshotter fs/config, defaultAttrTimeout
FOPEN_KEEP_CACHE = 1 << 1
REQUEST_BUFFER = MAX_READ + 4096  # the kernel refuses readers with less than max_write + headers


def init_reply(body: memoryview) -> bytes:
    """Answer to INIT: the kernel's read-ahead, the daemon's limits and flags."""
    _, minor, max_readahead, flags = INIT_IN.unpack_from(body)
    major, ours = PROTOCOL
    pages = MAX_READ // os.sysconf("SC_PAGE_SIZE")
    accepted = flags & DAEMON_FLAGS
    limits = (MAX_BACKGROUND, CONGESTION, MAX_READ, 1, pages, 0, 0, 0)
    return INIT_OUT.pack(major, min(minor, ours), max_readahead, accepted, *limits)


def attributes(status: os.stat_result) -> bytes:
    """Pack the struct fuse_attr of a stat result."""
    times = (status.st_atime_ns, status.st_mtime_ns, status.st_ctime_ns)
    seconds, rest = zip(*(divmod(time, 10**9) for time in times), strict=True)
    return ATTR.pack(
        status.st_ino,
        status.st_size,
        status.st_blocks,
        *(second & 0xFFFFFFFFFFFFFFFF for second in seconds),
        *rest,
        status.st_mode,
        status.st_nlink,
        status.st_uid,
        status.st_gid,
        status.st_rdev & 0xFFFFFFFF,
        4096,
        0,
    )


def attributes_reply(status: os.stat_result) -> bytes:
    """Answer to GETATTR."""
    return ATTR_OUT.pack(TIMEOUT_S, 0, 0) + attributes(status)


def entry_reply(node: int, status: os.stat_result) -> bytes:
    """Answer to LOOKUP."""
    return ENTRY_OUT.pack(node, 0, TIMEOUT_S, TIMEOUT_S, 0, 0) + attributes(status)


def directory_record(name: bytes, position: int, entry: bytes, status: os.stat_result) -> bytes:
    """One record of READDIR (`entry` empty) or READDIRPLUS (`entry` as of LOOKUP), padded to 8 bytes.

    position: where the next READDIR goes on.
    """
    head = DIRENT.pack(status.st_ino, position, len(name), stat.S_IFMT(status.st_mode) >> 12)
    return entry + head + name + bytes(-len(name) % 8)


def message(unique: int, answer: bytes, *, error: int) -> list[bytes]:
    """Give a reply as the vector for writev: header, then answer. error: errno, 0 for success."""
    size = OUT_HEADER.size + len(answer)
    return [OUT_HEADER.pack(size, -error, unique), answer]
