"""A token server for Debian's docker-registry: JWTs signed with ES256, their certificate in `x5c`."""

import base64
import json
import secrets
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

ISSUER, SERVICE = "token server", "registry"


def _encoded(content):
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


class Signer:
    """A key, its self-signed certificate, and the tokens that they sign."""

    def __init__(self):
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ISSUER)])
        now = datetime.now(UTC)
        begin, end = now - timedelta(hours=1), now + timedelta(days=1)
        public, serial = self._key.public_key(), x509.random_serial_number()
        builder = x509.CertificateBuilder(name, name, public, serial, begin, end)
        self._certificate = builder.sign(self._key, hashes.SHA256())
        self.pem = self._certificate.public_bytes(serialization.Encoding.PEM)

    def token(self, user, access, lifetime):
        """A signed token that grants `access` for so many seconds."""
        der = self._certificate.public_bytes(serialization.Encoding.DER)
        header = {"typ": "JWT", "alg": "ES256", "x5c": [base64.b64encode(der).decode()]}
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "sub": user,
            "aud": SERVICE,
            "jti": secrets.token_hex(8),
            "nbf": now - 60,
            "iat": now,
            "exp": now + lifetime,
            "access": access,
        }
        signed = ".".join(_encoded(json.dumps(part).encode()) for part in (header, claims))
        r, s = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_encoded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


@contextmanager
def token_server(signer, accounts, lifetime=300):
    """Serve tokens on loopback; yields the realm.

    Args:
        signer: signs them.
        accounts: the users, who may differ in what they may do.
        lifetime: seconds.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            account = self._account()
            if account is None:
                self._answer(401, {"details": "incorrect username or password"})
                return
            access = []
            for scope in " ".join(parse_qs(urlsplit(self.path).query).get("scope", [])).split():
                kind, name, actions = scope.split(":")
                granted = sorted(account.may(name) & set(actions.split(",")))
                access.append({"type": kind, "name": name, "actions": granted})
            token = signer.token(account.username, access, lifetime)
            self._answer(200, {"token": token, "expires_in": lifetime})

        def do_POST(self):
            """containerd asks by POST first, in OAuth 2's form, and then by GET."""
            self._answer(405, {"details": "tokens are asked for by GET"})

        def _account(self):
            encoded = self.headers.get("Authorization", "").removeprefix("Basic ")
            username, _, password = base64.b64decode(encoded).decode().partition(":")
            known = {(account.username, account.password): account for account in accounts}
            return known.get((username, password))

        def _answer(self, status, content):
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="token server")
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/token"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
