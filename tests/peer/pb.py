"""Canonical Protocol Buffers (PROTOCOL.md section 4), from schema tables. Written from the text, not from the C."""

SCHEMA = {
    "Manifest": [(1, "version", "u32"), (2, "tenant", "str"), (3, "serial", "u64"), (4, "epoch", "u64"), (5, "attestation_root", "bytes"),
                 (6, "roles", ["Role"]), (7, "not_before_ms", "u64"), (8, "not_after_ms", "u64")],
    "Role": [(1, "id", "u32"), (2, "name", "str"), (3, "measurements", ["Measurement"]), (4, "kms_key_arn", "str")],
    "Measurement": [(1, "pcr0", "bytes"), (2, "pcr1", "bytes"), (3, "pcr2", "bytes"), (4, "pcr8", "bytes")],
    "Plan": [(1, "version", "u32"), (2, "name", "str"), (3, "manifest", "bytes"), (4, "steps", ["Step"]), (5, "edges", ["Edge"])],
    "Step": [(1, "id", "u32"), (2, "name", "str"), (3, "role", "u32"), (4, "timeout_s", "u32"), (5, "max_attempts", "u32")],
    "Edge": [(1, "id", "u32"), (2, "from", "u32"), (3, "to", "u32"), (4, "name", "str"), (5, "size_class", "u32")],
    "TicketHeader": [(1, "version", "u32"), (2, "manifest", "bytes"), (3, "plan", "bytes"), (4, "expires_ms", "u64"), (5, "nonce", "bytes"),
                     (6, "edge_commits", ["bytes"])],
    "Ticket": [(1, "header", "bytes"), (2, "grants", ["Grant"])],
    "Grant": [(1, "role", "u32"), (2, "enc", "bytes"), (3, "sealed", "bytes")],
    "GrantSecrets": [(1, "secrets", ["EdgeSecret"])],
    "EdgeSecret": [(1, "edge", "u32"), (2, "secret", "bytes")],
    "StateHeader": [(1, "version", "u32"), (2, "run", "bytes"), (3, "edge", "u32"), (4, "kind", "u32"), (5, "parents", ["bytes"]),
                    (6, "size_class", "u32")],
    "State": [(1, "header", "bytes"), (2, "ciphertext", "bytes")],
    "AgentState": [(1, "content_type", "str"), (2, "content", "bytes"), (3, "annotations", ["Annotation"]), (4, "salt", "bytes")],
    "Annotation": [(1, "key", "str"), (2, "value", "str")],
    "Bundle": [(1, "manifest", "bytes"), (2, "roles", ["RoleKey"])],
    "RoleKey": [(1, "role", "u32"), (2, "birth_cert", "bytes"), (3, "ak_doc", "bytes"), (4, "kms_blob", "bytes")],
    "Evidence": [(1, "manifest", "bytes"), (2, "plan", "bytes"), (3, "ticket_header", "bytes"), (4, "ak_docs", ["bytes"]),
                 (5, "receipts", ["bytes"]), (6, "states", ["bytes"]), (7, "disclosures", ["Disclosure"])],
    "Disclosure": [(1, "edge", "u32"), (2, "agent_state", "bytes")],
    # what the worker keeps in Temporal (host.proto)
    "StepTask": [(1, "plan", "bytes"), (2, "ticket", "bytes"), (3, "step", "u32"), (4, "inputs", ["bytes"]), (5, "attempt", "u32")],
    "StepResult": [(1, "states", ["bytes"]), (2, "receipt", "bytes"), (3, "ak_doc", "bytes")],
    "RunResult": [(1, "states", ["bytes"]), (2, "receipts", ["bytes"]), (3, "ak_docs", ["bytes"])],
    # the boundary (enclave.proto)
    "EnclaveRequest": [(1, "describe", "DescribeRequest"), (2, "provision", "ProvisionRequest"), (3, "configure", "ConfigureRequest"),
                       (4, "attest", "AttestRequest"), (5, "step", "StepRequest"), (6, "stats", "StatsRequest")],
    "EnclaveResponse": [(1, "code", "u32"), (2, "describe", "DescribeResponse"), (3, "provision", "ProvisionResponse"),
                        (4, "configure", "ConfigureResponse"), (5, "attest", "AttestResponse"), (6, "step", "StepResponse"),
                        (7, "stats", "StatsResponse"), (8, "kms_error", "KmsError")],
    "Credentials": [(1, "access_key_id", "str"), (2, "secret_access_key", "str"), (3, "session_token", "str")],
    "DescribeRequest": [],
    "DescribeResponse": [(1, "version", "str"), (2, "state", "u32"), (3, "pcr0", "bytes"), (4, "pcr1", "bytes"), (5, "pcr2", "bytes"),
                         (6, "pcr8", "bytes"), (7, "pcr16", "bytes"), (8, "manifest", "bytes"), (9, "role", "u32"), (10, "uptime_ms", "u64"),
                         (11, "simulated", "u32")],
    "ProvisionRequest": [(1, "manifest", "bytes"), (2, "role", "u32"), (3, "credentials", "Credentials"), (4, "nonce", "bytes")],
    "ProvisionResponse": [(1, "kms_blob", "bytes"), (2, "birth_cert", "bytes"), (3, "ak_doc", "bytes")],
    "ConfigureRequest": [(1, "manifest", "bytes"), (2, "role", "u32"), (3, "kms_blob", "bytes"), (4, "birth_cert", "bytes"),
                         (5, "ak_doc", "bytes"), (6, "credentials", "Credentials"), (7, "nonce", "bytes")],
    "ConfigureResponse": [(1, "ak_doc", "bytes")],
    "AttestRequest": [(1, "nonce", "bytes")],
    "AttestResponse": [(1, "ak_doc", "bytes")],
    "StepRequest": [(1, "plan", "bytes"), (2, "ticket", "bytes"), (3, "step", "u32"), (4, "inputs", ["bytes"]), (5, "attempt", "u32"),
                    (6, "deadline_ms", "u64")],
    "StepResponse": [(1, "states", ["bytes"]), (2, "receipt", "bytes"), (3, "ak_doc", "bytes")],
    "StatsRequest": [],
    "StatsResponse": [(1, "steps", ["CodeCount"]), (2, "agents_running", "u64"), (3, "connections", "u64"), (4, "bytes_in", "u64"),
                      (5, "bytes_out", "u64"), (6, "log_lines_dropped", "u64"), (7, "resident_bytes", "u64")],
    "CodeCount": [(1, "code", "u32"), (2, "count", "u64")],
    "KmsError": [(1, "type", "str"), (2, "message", "str"), (3, "request_id", "str"), (4, "http_status", "u32"), (5, "recipient_sent", "u32"),
                 (6, "pcr0", "bytes"), (7, "pcr1", "bytes"), (8, "pcr2", "bytes"), (9, "pcr8", "bytes"), (10, "pcr16", "bytes")],
}
SCALARS = {"u32": 0, "u64": 0, "str": "", "bytes": b""}


class NotCanonical(Exception):
    pass


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def encode_value(number, kind, value):
    if kind in ("u32", "u64"):
        return varint(number << 3) + varint(value)
    if kind == "str":
        value = value.encode()
    elif kind != "bytes":
        value = encode(kind, value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def encode(message, values):
    """values holds what is set; defaults are left out, a nested message that is there is written even if it is empty."""
    unknown = set(values) - {name for _, name, _ in SCHEMA[message]}
    assert not unknown, f"{message} has no {unknown}"
    out = b""
    for number, name, kind in SCHEMA[message]:
        if isinstance(kind, list):
            for value in values.get(name, []):
                out += encode_value(number, kind[0], value)
        elif kind in SCALARS:
            if values.get(name, SCALARS[kind]) != SCALARS[kind]:
                out += encode_value(number, kind, values[name])
        elif values.get(name) is not None:
            out += encode_value(number, kind, values[name])
    return out


def _take_varint(data, at):
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise NotCanonical("varint")
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at


def decode(message, data):
    """All fields of message from exactly canonical bytes; scalars that are not there as their defaults, messages as None."""
    fields = {number: (name, kind) for number, name, kind in SCHEMA[message]}
    out = {name: [] if isinstance(kind, list) else SCALARS.get(kind) for name, kind in fields.values()}
    at = 0
    while at < len(data):
        tag, at = _take_varint(data, at)
        if tag >> 3 not in fields:
            raise NotCanonical(f"{message}: field {tag >> 3}")
        name, kind = fields[tag >> 3]
        element = kind[0] if isinstance(kind, list) else kind
        if tag & 7 != (0 if element in ("u32", "u64") else 2):
            raise NotCanonical(f"{message}.{name}: wire type {tag & 7}")
        value, at = _take_varint(data, at)
        if element in ("u32", "u64"):
            if value >> int(element[1:]):
                raise NotCanonical(f"{message}.{name}: too large")
        else:
            if value > len(data) - at:
                raise NotCanonical(f"{message}.{name}: cut off")
            value, at = data[at:at + value], at + value
            value = _typed(message, name, element, value)
        if isinstance(kind, list):
            out[name].append(value)
        else:
            out[name] = value
    if encode(message, out) != data:  # order, repetition, defaults on the wire, longer varints
        raise NotCanonical(message)
    return out


def _typed(message, name, element, value):
    if element == "bytes":
        return bytes(value)
    if element != "str":
        return decode(element, value)
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise NotCanonical(f"{message}.{name}: not UTF-8") from None
    if "\0" in text:
        raise NotCanonical(f"{message}.{name}: U+0000")
    return text
