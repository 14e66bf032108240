"""The registry: distribution behind nginx, which writes one JSON line for each request it has answered.

Uploads, manifests and HEADs are distribution's; the bytes of a blob are handed out by nginx from distribution's own
storage, as large registries hand theirs to a storage host. distribution takes a fresh buffer of 4 MiB for each GET
(registry/storage/filereader.go): some 4 ms of processor time, on the very cores that the node is measured on.
"""

import http.client
import time
from pathlib import Path

from sim.core.errors import RunFailed
from sim.testbed import process
from sim.testbed.binaries import Binaries, system_tool
from sim.testbed.names import REGISTRY_PORT, Addresses, Names
from sim.testbed.requests import Request, parse_log

BACKEND = "127.0.0.1:5001"  # inside the testbed's namespace, so the same for every testbed

# What each line of the request log holds. `ended` is the clock at the end of the answer, `took` spans from the
# first byte of the request to the last byte handed to the socket; `head` from nginx's asking the registry to
# its first byte of header, empty for the bytes of blobs.
LOG_FIELDS = {
    "ended": "$msec",
    "took": "$request_time",
    "head": '"$upstream_header_time"',
    "method": '"$request_method"',
    "uri": '"$request_uri"',
    "range": '"$http_range"',
    "status": "$status",
    "bytes": "$body_bytes_sent",
    "sent": "$bytes_sent",
    "connection": "$connection",
    "nth": "$connection_requests",
    "agent": '"$http_user_agent"',
}


def render_registry(folder: Path) -> str:
    """The configuration of distribution v3: blobs in a folder, no log, no redirects."""
    return "\n".join(
        [
            "version: 0.1",
            "log:",
            "  level: error",
            "  accesslog:",
            "    disabled: true",
            "storage:",
            "  filesystem:",
            f"    rootdirectory: {folder / 'blobs'}",
            "  delete:",
            "    enabled: true",
            "http:",
            f"  addr: {BACKEND}",
            "",
        ]
    )


def render_nginx(folder: Path, addresses: Addresses) -> str:
    """The front, nginx: buffering off, else it would report the time to its own buffer instead of the client's."""
    fields = ",".join(f'"{name}":{value}' for name, value in LOG_FIELDS.items())
    temporary = "\n".join(
        f"  {kind}_temp_path {folder / 'nginx' / kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""daemon off;
user root;
worker_processes 1;
pid {folder / "nginx" / "pid"};
error_log stderr warn;
events {{ worker_connections 512; }}
http {{
{temporary}
  log_format requests escape=json '{{{fields}}}';
  access_log {request_log(folder)} requests;
  client_max_body_size 0;
  keepalive_timeout 300s;
  keepalive_requests 1000000;
  tcp_nodelay on;
  sendfile on;
  upstream backend {{ server {BACKEND}; keepalive 16; }}
  server {{
    listen {addresses.registry}:{REGISTRY_PORT};
    root {folder / "blobs"};
    location ~ "^/v2/.+/blobs/sha256:([0-9a-f]{{2}})([0-9a-f]{{62}})$" {{
      error_page 404 405 = @registry;
      if ($request_method != GET) {{ return 405; }}
      default_type application/octet-stream;
      add_header Docker-Content-Digest sha256:$1$2;
      try_files /docker/registry/v2/blobs/sha256/$1/$1$2/data =404;
    }}
    location / {{ try_files "" @registry; }}
    location @registry {{
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_buffering off;
      proxy_buffer_size 64k;
      proxy_buffers 4 64k;
      proxy_busy_buffers_size 128k;
      proxy_request_buffering off;
      proxy_read_timeout 600s;
      proxy_send_timeout 600s;
    }}
  }}
}}
"""


def request_log(folder: Path) -> Path:
    """Where nginx writes its lines."""
    return folder / "requests.jsonl"


def logged(folder: Path) -> int:
    """How long the request log is, bytes: from where `requests_since` reads what comes next."""
    log = request_log(folder)
    return log.stat().st_size if log.exists() else 0


def requests_since(folder: Path, offset: int) -> list[Request]:
    """The requests that were logged from a byte of the log on."""
    with request_log(folder).open("rb") as file:
        file.seek(offset)
        return parse_log(file)


def blob_files(folder: Path, repository: str) -> list[Path]:
    """Where distribution keeps the blobs of a repository. Source: registry/storage/paths.go."""
    store = folder / "blobs" / "docker" / "registry" / "v2"
    links = (store / "repositories" / repository / "_layers" / "sha256").glob("*/link")
    digests = sorted(link.parent.name for link in links)
    return [store / "blobs" / "sha256" / digest[:2] / digest / "data" for digest in digests]


def start(names: Names, addresses: Addresses, binaries: Binaries) -> None:
    """Start both in the testbed's network namespace; returns when the registry answers across the link."""
    folder = names.folder / "registry"
    (folder / "nginx").mkdir(parents=True, exist_ok=True)
    (folder / "registry.yml").write_text(render_registry(folder))
    (folder / "nginx.conf").write_text(render_nginx(folder, addresses))
    inside = ["ip", "netns", "exec", names.namespace]
    serve = [str(binaries.path("registry")), "serve", str(folder / "registry.yml")]
    core = process.far_side_core()
    environment = {"OTEL_TRACES_EXPORTER": "none"}
    process.start("registry", inside + serve, names.folder, environment=environment, core=core)
    nginx = [system_tool("nginx", "nginx-light"), "-p", str(folder), "-c", str(folder / "nginx.conf")]
    running = process.start("nginx", inside + nginx, names.folder, core=core)
    process.wait_for(folder / "nginx" / "pid", running, "nginx")
    _wait_until_it_answers(addresses)


def _wait_until_it_answers(addresses: Addresses, *, at_most_s: float = 20.0) -> None:
    """Ask until the answer is 200: the front answers 502 until the registry behind it listens."""
    deadline = time.monotonic() + at_most_s
    while (status := _status(addresses)) != http.HTTPStatus.OK:
        if time.monotonic() > deadline:
            raise RunFailed(f"the registry at {addresses.registry_host} did not come up: status {status}")
        time.sleep(0.02)


def _status(addresses: Addresses) -> int | None:
    connection = http.client.HTTPConnection(addresses.registry_host, timeout=5)
    try:
        connection.request("GET", "/v2/")
        return connection.getresponse().status
    except OSError:
        return None
    finally:
        connection.close()


def stop(names: Names) -> None:
    """Stop both, whichever runs."""
    process.stop("nginx", names.folder)
    process.stop("registry", names.folder)
