"""A token server for the real registry: RS256 tokens with a certificate chain, for the rights a user has."""

import base64
import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

ISSUER, SERVICE = "test-issuer", "test-service"
USER, PASSWORD = "tester", "s3cret-pass"


@dataclass
class TokenServer:
    """`rights`: actions by repository for the user; `signer`: a `Certificate`; each answer is noted in `asked`."""

    signer: object
    rights: dict
    asked: list = field(default_factory=list)
    lasts_s: int = 300
    """When tokens run out, from when they are given; the registry allows 60 s of grace."""
    realm: str = ""

    def token(self, scopes, user):
        access = []
        for scope in scopes:
            kind, name, actions = scope.split(":")
            granted = sorted(set(actions.split(",")) & set(self.rights.get(name, ()) if user else ()))
            access += [{"type": kind, "name": name, "actions": granted}]
        now = int(time.time())
        claims = {"iss": ISSUER, "sub": user or "", "aud": SERVICE, "jti": str(len(self.asked)), "access": access}
        return signed(self.signer, {**claims, "iat": now - 90, "nbf": now - 90, "exp": now + self.lasts_s})


def signed(signer, claims):
    """A JWT. Source: RFC 7515; the chain is in x5c, as distribution's token.go reads it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding

    certificate = x509.load_pem_x509_certificate(signer.certificate.read_bytes())
    key = serialization.load_pem_private_key(signer.key.read_bytes(), None)
    der = certificate.public_bytes(serialization.Encoding.DER)
    head = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(der).decode()]}
    text = f"{packed(json.dumps(head).encode())}.{packed(json.dumps(claims).encode())}"
    return f"{text}.{packed(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def packed(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def registry_auth(server, bundle):
    """The registry's configuration for it: distribution, docs/content/about/configuration.md, "token"."""
    return (
        f"auth:\n  token:\n    realm: {server.realm}\n    service: {SERVICE}\n    issuer: {ISSUER}\n"
        f"    rootcertbundle: {bundle}\n    signingalgorithms:\n      - RS256\n"
    )


@contextmanager
def running_token_server(signer, rights):
    """A `TokenServer` that runs within the `with`."""
    server = TokenServer(signer, rights)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            query = parse_qs(urlsplit(self.path).query)
            login = self.headers.get("Authorization")
            server.asked.append((query.get("scope"), query.get("service"), login is not None))
            expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            if login not in (None, expected):
                self.answer(401, {"details": "wrong password"})
            else:
                user = USER if login else None
                self.answer(200, {"token": server.token(query.get("scope", []), user), "expires_in": 300})

        def answer(self, status, document):
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.realm = f"http://127.0.0.1:{listener.server_port}/token"
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()
