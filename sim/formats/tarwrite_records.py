"""Records of a PAX header: length, space, key, "=", value, newline. Sources: POSIX pax; Go archive/tar, strconv.go."""

from sim.core.errors import BadBlob

NO_NUL = (b"path", b"linkpath", b"uname", b"gname")  # records that hold no NUL, validPAXRecord


def parse_records(data: bytes, where: str) -> dict[bytes, bytes]:
    """Key → value; the last of a key counts. Raises `BadBlob`."""
    records: dict[bytes, bytes] = {}
    position = 0
    while position < len(data):
        space = data.find(b" ", position, position + 20)
        digits = data[position:space] if space > 0 else b""
        end = position + int(digits) if digits.isdigit() else 0
        key, equals, value = data[space + 1 : max(end - 1, 0)].partition(b"=")
        whole = space < end <= len(data) and equals and data[end - 1 : end] == b"\n"
        if not whole or not key or b"\0" in (value if key in NO_NUL else key):
            raise BadBlob(f"{where}: PAX record at byte {position} is malformed; rebuild the layer")
        records[key] = value
        position = end
    return records


def format_record(key: bytes, value: bytes) -> bytes:
    """One PAX record, whose length counts its own digits."""
    size = len(key) + len(value) + 3
    size += len(b"%d" % size)
    record = b"%d %s=%s\n" % (size, key, value)
    return record if len(record) == size else b"%d %s=%s\n" % (len(record), key, value)


def parse_decimal(value: bytes, where: str) -> int:
    """A whole number, perhaps with a sign. Raises `BadBlob`."""
    digits = value[1:] if value[:1] in {b"-", b"+"} else value
    if not digits.isdigit() or len(digits) > 18:
        raise BadBlob(f"{where}: PAX number {value[:30]!r} is none; rebuild the layer")
    return int(value)
