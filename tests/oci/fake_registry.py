"""A registry in a few lines that misbehaves on request: each fault answers one request of its kind, in turn."""

import re
import socket
import struct
import threading
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from sim.testing.sample_image import digest_of

KINDS = (  # first that matches the path without its query
    ("upload", re.compile(r"/v2/.+/blobs/uploads/\w*")),
    ("blob", re.compile(r"/v2/.+/blobs/(sha256:\w+)")),
    ("manifest", re.compile(r"/v2/.+/manifests/(.+)")),
    ("token", re.compile(r"/token")),
    ("storage", re.compile(r"/storage/(sha256:\w+)")),
)


@dataclass
class FakeRegistry:
    """`faults`: by "METHOD kind", functions of the handler, each used once; `seen`: every request's handler facts."""

    blobs: dict = field(default_factory=dict)
    manifests: dict = field(default_factory=dict)
    uploads: dict = field(default_factory=dict)
    faults: dict = field(default_factory=lambda: defaultdict(list))
    seen: list = field(default_factory=list)
    host: str = ""

    def add(self, data):
        self.blobs[digest_of(data)] = data
        return data

    def publish(self, image, name="latest"):
        for blob in (*image.layers, image.config):
            self.add(blob)
        self.manifests[name] = (image.manifest_type, image.manifest)

    def asked(self, method, kind):
        """The headers of each request of a kind."""
        return [headers for seen, headers in self.seen if seen == f"{method} {kind}"]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry: FakeRegistry

    def handle_any(self):
        path = urlsplit(self.path).path
        kind, match = next((kind, match) for kind, pattern in KINDS if (match := pattern.fullmatch(path)))
        key = f"{self.command} {kind}"
        self.what = match[1] if match.groups() else path
        self.registry.seen.append((key, dict(self.headers)))
        waiting = self.registry.faults[key]
        if waiting:
            waiting.pop(0)(self)
        else:
            getattr(self, f"{self.command.lower()}_{kind}")()

    do_GET = do_HEAD = do_POST = do_PATCH = do_PUT = do_DELETE = handle_any  # noqa: N815

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        headers.setdefault("Content_Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def body(self, limit=None):
        length = int(self.headers.get("Content-Length", 0))
        return self.rfile.read(length if limit is None else min(limit, length))

    def get_manifest(self):
        if self.what not in self.registry.manifests:
            return self.answer(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"not\\nhere"}]}')
        media_type, data = self.registry.manifests[self.what]
        return self.answer(200, data, Content_Type=media_type, Docker_Content_Digest=digest_of(data))

    def put_manifest(self):
        data = self.body()
        self.registry.manifests[self.what] = (self.headers["Content-Type"], data)
        self.answer(201, Docker_Content_Digest=digest_of(data))

    def get_blob(self):
        data = self.registry.blobs.get(self.what)
        if data is None:
            return self.answer(404)
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if wanted is None:
            return self.answer(200, data)
        start, last = int(wanted[1]), min(int(wanted[2]), len(data) - 1)
        if start >= len(data):
            return self.answer(416, Content_Range=f"bytes */{len(data)}")
        return self.answer(206, data[start : last + 1], Content_Range=f"bytes {start}-{last}/{len(data)}")

    head_blob = get_storage = get_blob

    def post_upload(self):
        self.body()
        name = f"u{len(self.registry.uploads)}"
        self.registry.uploads[name] = b""
        self.answer(202, Location=f"{self.path}{name}?state=abc", Range="0-0")

    def patch_upload(self):
        name = self.what.rpartition("/")[2]
        had = self.registry.uploads.get(name)
        start, last = map(int, self.headers["Content-Range"].split("-"))
        body = self.body()
        if had is None:
            return self.answer(404)
        if start != len(had) or last - start + 1 != len(body):
            return self.answer(416)
        self.registry.uploads[name] += body
        return self.upload_at(name, 202)

    def get_upload(self):
        name = self.what.rpartition("/")[2]
        return self.upload_at(name, 204) if name in self.registry.uploads else self.answer(404)

    def upload_at(self, name, status):
        last = max(0, len(self.registry.uploads[name]) - 1)
        self.answer(status, Location=self.path, Range=f"0-{last}")

    def put_upload(self):
        data = self.registry.uploads.pop(self.what.rpartition("/")[2], None)
        digest = parse_qs(urlsplit(self.path).query)["digest"][0]
        self.body()
        if data is None:
            return self.answer(404)
        if digest_of(data) != digest:
            return self.answer(400, b'{"errors":[{"code":"DIGEST_INVALID"}]}')
        self.registry.blobs[digest] = data
        return self.answer(201)

    def delete_upload(self):
        self.registry.uploads.pop(self.what.rpartition("/")[2], None)
        self.answer(204)

    def log_message(self, *_):
        pass


def status(number, body=b"", **headers):
    """Answer with a status."""

    def fault(handler):
        handler.body()
        handler.answer(number, body, **headers)

    return fault


def reset(handler):
    """Cut the connection with RST, before any answer."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.rfile.close()
    handler.close_connection = True


def broken_body(sent):
    """Promise the right answer of a blob, send its first `sent` bytes, then cut."""

    def fault(handler):
        data = handler.registry.blobs[handler.what]
        start = int((handler.headers.get("Range") or "bytes=0-").partition("=")[2].partition("-")[0])
        part = data[start:]
        ranged = {"Content_Range": f"bytes {start}-{len(data) - 1}/{len(data)}"} if "Range" in handler.headers else {}
        handler.answer(206 if ranged else 200, part[:sent], **ranged, Content_Length=str(len(part)))
        handler.wfile.flush()
        handler.close_connection = True

    return fault


def broken_upload(kept):
    """Take the first `kept` bytes of a chunk, then cut; the client has not heard how many."""

    def fault(handler):
        handler.registry.uploads[handler.what.rpartition("/")[2]] += handler.body(kept)
        reset(handler)

    return fault


def only_whole(handler):
    """Answer a Range with the whole blob, as a registry may."""
    handler.answer(200, handler.registry.blobs[handler.what])


@contextmanager
def fake_registry():
    """A `FakeRegistry` that runs within the `with`."""
    registry = FakeRegistry()
    kind = type("Bound", (Handler,), {"registry": registry})
    listener = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    listener.handle_error = lambda *_: None  # broken pipes are what this is about
    listener.daemon_threads = True
    registry.host = f"127.0.0.1:{listener.server_port}"
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield registry
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()
