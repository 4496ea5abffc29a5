"""Certificates of an authority of our own."""

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LOOPBACK = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
ELSEWHERE = x509.DNSName("registry.example")
NOW, EXPIRED = timedelta(), timedelta(days=-3)


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    """Signs certificates.

    Args:
        folder: for its files.
    """

    def __init__(self, folder):
        self._folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        self.trusted = folder / "authority.pem"
        self._name = _name("an authority")
        own = self._builder(self._name, self._key, NOW).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        self.trusted.write_bytes(self._signed(own))

    def _builder(self, name, key, moved):
        moment, serial = datetime.now(UTC) + moved, x509.random_serial_number()
        begin, end = moment - timedelta(hours=1), moment + timedelta(days=1)
        return x509.CertificateBuilder(self._name, name, key.public_key(), serial, begin, end)

    def _signed(self, builder):
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def give(self, context, name=LOOPBACK, moved=NOW):
        """Let a server's context have a certificate, from its next connection on.

        Args:
            context: the server's.
            name: that it is for.
            moved: by how much its time is.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([name])
        builder = self._builder(_name("a registry"), key, moved).add_extension(names, critical=False)
        pem = self._folder / "registry.pem"
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        pem.write_bytes(self._signed(builder) + secret)
        context.load_cert_chain(pem)


def server_context():
    """For a server that is to be given certificates."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
