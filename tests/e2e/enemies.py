"""Hostile ends for an enclave's way to KMS: a proxy that meddles with TLS bytes, and an endpoint that holds the key of a certificate
and answers as a test wants. Each listens where cmaw-proxy would."""
import datetime
import json
import os
import select
import socket
import ssl
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

import harness

HEAD_END = b"\r\n\r\n"
MIB = 1 << 20


class Authority:
    """A certificate authority; child makes those that it signs, as files for ssl."""

    def __init__(self, folder, name, issuer=None, is_ca=True, host=None, days=(-1, 30), usage=ExtendedKeyUsageOID.SERVER_AUTH):
        self.folder, self.name, self.key = folder, name, ec.generate_private_key(ec.SECP256R1())
        now, subject = datetime.datetime.now(datetime.timezone.utc), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer.cert.subject if issuer else subject)
                   .public_key(self.key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(now + datetime.timedelta(days=days[0])).not_valid_after(now + datetime.timedelta(days=days[1]))
                   .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True))
        if host:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        self.cert = builder.sign(issuer.key if issuer else self.key, hashes.SHA256())
        self.chain = self.pem() + (issuer.chain if issuer else b"")

    def pem(self):
        return self.cert.public_bytes(serialization.Encoding.PEM)

    def child(self, name, host=harness.KMS_HOST, **other):
        return Authority(self.folder, name, self, is_ca=False, host=host, **other)

    def context(self, versions=(ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)):
        path = self.folder / f"{self.name}.pem"
        path.write_bytes(self.chain + self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                                             serialization.NoEncryption()))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        if versions[0] < ssl.TLSVersion.TLSv1_2:
            context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version, context.maximum_version = versions
        return context


def hang_up(connection):
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:  # it has ended, or TLS has taken it over
        pass


class Enemy:
    """Listens at an enclave's port for KMS and lets behave(enemy, connection) do with each connection what it wants. What the enclave
    says, in clear or as it came, is in seen; requests are the HTTP requests that could be read."""

    def __init__(self, path, behave):
        self.behave, self.seen, self.requests, self.connections = behave, bytearray(), [], []
        self.holding, self.let_go, self.gone = threading.Event(), threading.Event(), threading.Event()
        self.listener = socket.socket(socket.AF_UNIX)
        path.unlink(missing_ok=True)
        folder = os.open(path.parent, os.O_PATH)  # paths of sockets are short
        self.listener.bind(f"/proc/self/fd/{folder}/{path.name}")
        os.close(folder)
        self.listener.listen(16)
        self.threads = [threading.Thread(target=self.accept, daemon=True)]
        self.threads[0].start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.settimeout(120)
            self.connections.append(connection)
            thread = threading.Thread(target=self.serve, args=(connection,), daemon=True)
            self.threads.append(thread)
            thread.start()

    def serve(self, connection):
        try:
            self.behave(self, connection)
        except (OSError, EOFError):  # the enclave has hung up, or said what TLS has no answer for
            self.gone.set()
        finally:
            connection.close()

    def hold(self, connection, filler=None):
        """Says filler bit by bit, or nothing, until the enclave hangs up or the test lets go."""
        self.holding.set()
        while not self.let_go.is_set():
            readable, _, _ = select.select([connection], [], [], 0.1)
            if readable and not connection.recv(65536):
                self.gone.set()
                return
            if filler:
                try:
                    connection.sendall(filler)
                except OSError:
                    self.gone.set()
                    raise

    def close(self):
        self.let_go.set()
        for connection in self.connections:
            hang_up(connection)
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join(130)
            assert not thread.is_alive()


# --- what a proxy can do ---

def to_kms(devd):
    return socket.create_connection(("127.0.0.1", devd.port), 120)


def relay(devd, down=lambda pieces: pieces, up=lambda pieces: pieces):
    """Carries bytes between the enclave and the emulator; up and down see the TLS records of their direction and yield what is sent."""
    def carry(enemy, source, target, change, seen):
        try:
            for piece in change(records(source, seen)):
                target.sendall(piece)
        except (OSError, EOFError):
            pass
        hang_up(source)
        hang_up(target)

    def behave(enemy, connection):
        with to_kms(devd) as kms:
            back = threading.Thread(target=carry, args=(enemy, kms, connection, down, None), daemon=True)
            back.start()
            carry(enemy, connection, kms, up, enemy.seen)
            back.join(130)
    return behave


def take(source, size):
    out = b""
    while len(out) < size:
        piece = source.recv(size - len(out))
        if not piece:
            raise EOFError
        out += piece
    return out


def records(source, seen=None):
    while True:
        head = take(source, 5)
        record = head + take(source, int.from_bytes(head[3:], "big"))
        if seen is not None:
            seen += record
        yield record


def cut_after(size):
    def change(pieces):
        left = size
        for piece in pieces:
            yield piece[:left]
            left -= len(piece)
            if left <= 0:
                return
    return change


def on_record(index, change):
    """change(record) of the record with that index among those of application data; its result is what is sent."""
    def changed(pieces):
        count = 0
        for piece in pieces:
            if piece[0] != 23:
                yield piece
                continue
            yield change(piece) if count == index else piece
            count += 1
    return changed


def flipped(record):
    return record[:-1] + bytes([record[-1] ^ 1])


def pairs_swapped(pieces):
    kept = None
    for piece in pieces:
        if piece[0] != 23:
            yield piece
        elif kept is None:
            kept = piece
        else:
            yield piece + kept
            kept = None


def in_answer(change, more=False):
    """For relay: change(record) of the first record from KMS after a part of the request has gone there; with more, the others follow."""
    asked = threading.Event()

    def up(pieces):
        count = 0
        for piece in pieces:
            count += piece[0] == 23
            if count > 1:  # the first ends the handshake
                asked.set()
            yield piece

    def down(pieces):
        for piece in pieces:
            changed = piece[0] == 23 and asked.is_set()
            yield change(piece) if changed else piece
            if changed and not more:
                return
    return down, up


# --- what an endpoint can do ---

class Reply:
    """An HTTP answer: its head without the length, and its body."""

    def __init__(self, raw):
        head, _, self.body = raw.partition(HEAD_END)
        self.lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length")]

    def raw(self):
        return b"\r\n".join([*self.lines, b"Content-Length: %d" % len(self.body)]) + HEAD_END + self.body

    def json(self, **members):
        self.body = json.dumps({**json.loads(self.body), **members}).encode()
        return self.raw()


def read_message(stream):
    """A request or an answer with a length; b"" at the end."""
    data = b""
    while HEAD_END not in data:
        piece = stream.recv(65536)
        if not piece:
            return b""
        data += piece
    head = data.split(HEAD_END)[0].lower()
    size = int(head.split(b"content-length:")[1].split(b"\r\n")[0]) + len(head) + len(HEAD_END)
    return data + take(stream, size - len(data))


def ask_kms(devd, request):
    """The genuine answer to a request of the enclave's: it is signed, and the emulator sees no difference."""
    context = ssl.create_default_context(cafile=devd.tls_ca)
    with context.wrap_socket(to_kms(devd), server_hostname=harness.KMS_HOST) as stream:
        stream.sendall(request)
        return read_message(stream)


def operation(request):
    return request.split(b"TrentService.")[1].split(b"\r\n")[0].decode()


def endpoint(context, answer):
    """Ends TLS and answers each request with answer(enemy, request): bytes, or a generator of them that may go on for ever; None: the
    connection is closed."""
    def behave(enemy, connection):
        with context.wrap_socket(connection, server_side=True) as stream:
            while request := read_message(stream):
                enemy.seen += request
                enemy.requests.append(request)
                said = answer(enemy, request)
                if said is None:
                    return
                if isinstance(said, bytes):
                    stream.sendall(said)
                    continue
                for piece in said:
                    if piece is HOLD:
                        enemy.hold(stream)
                        return
                    stream.sendall(piece)
                return
    return behave


HOLD = object()  # in an answer: nothing more, and no end


def ok(body, *lines):
    return b"\r\n".join([b"HTTP/1.1 200 OK", *lines, b"Content-Length: %d" % len(body)]) + HEAD_END + body
