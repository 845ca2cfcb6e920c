"""A proxy that keeps what it is told, and a certificate of its own for the server behind its tunnels."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NOT_YET = b"HTTP/1.1 407 X\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n"


class Proxy:
    """Opens tunnels for those who say the right words, and passes other requests on."""

    def __init__(self, wanted: str | None) -> None:
        self.wanted = wanted
        #: The heads of what was sent to it, each as a method and its headers in lower case.
        self.heads: list[tuple[str, dict[str, str]]] = []
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._talk, args=(self._listening.accept()[0],), daemon=True).start()

    def _talk(self, client: socket.socket) -> None:
        with suppress(OSError), client:
            while received := _head(client):
                head, body = received
                first, *lines = head.decode("latin-1").split("\r\n")
                method, target, _ = first.split(" ")
                headers = {
                    line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in lines if line
                }
                self.heads.append((method, headers))
                if self.wanted and headers.get("proxy-authorization") != self.wanted:
                    client.sendall(_NOT_YET)
                    continue
                self._pass_on(client, method, target, lines, body)
                return

    def _pass_on(self, client: socket.socket, method: str, target: str, lines: list[str], body: bytes) -> None:
        place = target if method == "CONNECT" else target.split("/")[2]
        host, _, port = place.partition(":")
        with socket.create_connection((host, int(port))) as origin:
            if method == "CONNECT":
                client.sendall(b"HTTP/1.1 200 X\r\n\r\n")
            else:
                kept = [line for line in lines if not line.lower().startswith(("proxy-", "connection"))]
                path = target[target.index("/", 8) :]
                head = "\r\n".join([f"{method} {path} HTTP/1.1", *kept, "Connection: close", "", ""])
                origin.sendall(head.encode("latin-1") + body)
            threading.Thread(target=_pump, args=(client, origin), daemon=True).start()
            _pump(origin, client)


@contextmanager
def proxy(wanted: str | None) -> Iterator[Proxy]:
    """Run a proxy; ``wanted`` is the login that it asks for."""
    started = Proxy(wanted)
    yield started
    started.stop()


def certified(directory: Path) -> tuple[Path, Path]:
    """Write a certificate for 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, secret = directory / "ca.pem", directory / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return certificate, secret


def _head(client: socket.socket) -> tuple[bytes, bytes] | None:
    """Read the head of a request; return it, and what came of the body."""
    received = b""
    while b"\r\n\r\n" not in received:
        more = client.recv(65536)
        if not more:
            return None
        received += more
    head, _, body = received.partition(b"\r\n\r\n")
    return head, body


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
