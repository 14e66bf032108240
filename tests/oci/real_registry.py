"""The real registry, distribution, on loopback: with TLS, with a password file, with tokens it verifies."""

import base64
import ctypes
import ctypes.util
import http.client
import json
import os
import secrets
import shutil
import socket
import struct
import subprocess
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest

from sim.testbed.binaries import built
from sim.testing.sample_image import digest_of

UP_S = 20.0


def registry_program():
    """The testbed's registry, else Debian's; a loud skip without either."""
    program = built().folder / "registry"
    if program.is_file():
        return str(program)
    found = shutil.which("docker-registry")
    if found is None:
        pytest.skip("NO REGISTRY HERE (run `lazypull testbed build`, or apt-get install docker-registry)")
    return found


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running_registry(folder, *, auth="", tls=None):
    """Host and port of a registry that runs within the `with`. `auth`: YAML; `tls`: a `Certificate` of 127.0.0.1."""
    program = registry_program()
    port = free_port()
    folder.mkdir(parents=True)
    lines = ["version: 0.1", "log:", "  level: error", "storage:", "  filesystem:"]
    lines += [f"    rootdirectory: {folder / 'blobs'}", "  delete:", "    enabled: true"]
    lines += [auth.rstrip(), "http:", f"  addr: 127.0.0.1:{port}"]
    if tls is not None:
        lines += ["  tls:", f"    certificate: {tls.certificate}", f"    key: {tls.key}"]
    (folder / "registry.yml").write_text("\n".join(line for line in lines if line) + "\n")
    with (folder / "log").open("wb") as log:
        environment = {**os.environ, "OTEL_TRACES_EXPORTER": "none"}
        process = subprocess.Popen([program, "serve", folder / "registry.yml"], stdout=log, stderr=log, env=environment)
    try:
        wait_until_up(port, process, folder / "log")
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def wait_until_up(port, process, log):
    deadline = time.monotonic() + UP_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)
        else:
            return


def crypted(password):
    """bcrypt of a password, by the C library's crypt(3); a loud skip where it has no bcrypt."""
    name = ctypes.util.find_library("crypt")
    if name is None:
        pytest.skip("NO LIBCRYPT HERE: the registry's basic auth is not tested, for want of bcrypt")
    crypt = ctypes.CDLL(name).crypt
    crypt.restype = ctypes.c_char_p
    made = crypt(password.encode(), b"$2b$05$" + base64.b64encode(secrets.token_bytes(16), b"./")[:21] + b"e")
    if not (made or b"").startswith(b"$2b$"):
        pytest.skip("LIBCRYPT HAS NO BCRYPT HERE: the registry's basic auth is not tested")
    return made.decode()


@dataclass(frozen=True)
class Certificate:
    certificate: Path
    key: Path


def make_certificate(folder, *, name="test", issuer=None):
    """A certificate for 127.0.0.1: its own authority, or signed by the `issuer` made before."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    folder.mkdir(parents=True, exist_ok=True)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(subject).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=1))
    if issuer is None:
        builder = builder.issuer_name(subject).add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        signer = key
    else:
        authority = x509.load_pem_x509_certificate(issuer.certificate.read_bytes())
        signer = serialization.load_pem_private_key(issuer.key.read_bytes(), None)
        names = [x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("localhost")]
        builder = builder.issuer_name(authority.subject)
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    pem = serialization.Encoding.PEM
    made = Certificate(folder / f"{name}.crt", folder / f"{name}.key")
    made.certificate.write_bytes(builder.sign(signer, hashes.SHA256()).public_bytes(pem))
    format_, no_password = serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    made.key.write_bytes(key.private_bytes(pem, format_, no_password))
    return made


def push_plainly(host, repository, blobs, manifests):
    """Put content into an open registry by the shortest requests there are. `manifests`: (name, type, bytes)."""
    connection = http.client.HTTPConnection(host, timeout=20)

    def send(method, url, body=None, **headers):
        connection.request(method, url, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        said = answer.read()
        assert answer.status in (201, 202), said
        return answer

    try:
        for blob in blobs:
            place = send("POST", f"/v2/{repository}/blobs/uploads/").headers["Location"]
            send("PUT", f"{place}&digest={digest_of(blob)}", blob, Content_Type="application/octet-stream")
        for name, media_type, data in manifests:
            send("PUT", f"/v2/{repository}/manifests/{name}", data, Content_Type=media_type)
    finally:
        connection.close()


@contextmanager
def cutting_proxy(target, after):
    """Host and port before `target` where the connection that brings byte number `after` is cut, once.

    Yields also the list of how many bytes each connection brought from the client.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    carried, threads = [], []

    def serve():
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            host, port = target.rsplit(":", 1)
            server = socket.create_connection((host, int(port)))
            carried.append(0)
            forth = threading.Thread(target=carry, args=(client, server, len(carried) - 1))
            back = threading.Thread(target=carry, args=(server, client, None))
            threads.extend((forth, back))
            forth.start()
            back.start()

    def carry(source, sink, number):
        with source, sink:
            try:
                while data := source.recv(1 << 16):
                    if number is not None:
                        before = sum(carried)
                        carried[number] += len(data)
                        if before < after <= before + len(data):
                            reset = struct.pack("ii", 1, 0)
                            source.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
                            sink.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads from it
                            return
                    sink.sendall(data)
                sink.shutdown(socket.SHUT_WR)
            except OSError:
                pass

    accepting = threading.Thread(target=serve)
    accepting.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}", carried
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join()
        for thread in threads:
            thread.join(10)


def docker_config(file, host, user, password):
    """A config.json as `docker login` writes it."""
    login = base64.b64encode(f"{user}:{password}".encode()).decode()
    file.write_text(json.dumps({"auths": {host: {"auth": login}}, "HttpHeaders": {"User-Agent": "x"}}))
    return file
