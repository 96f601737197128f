"""Single-field mutations of an evidence file: one field has another value, everything around it is encoded as if that were right."""
import cbor2

import cose
import pb

# byte strings that are messages themselves
INNER = {("Evidence", "manifest"): "Manifest", ("Evidence", "plan"): "Plan", ("Evidence", "ticket_header"): "TicketHeader", ("Evidence", "states"): "State",
         ("State", "header"): "StateHeader", ("Disclosure", "agent_state"): "AgentState"}
COSE = {("Evidence", "ak_docs"), ("Evidence", "receipts")}
# less evidence is not wrong evidence
OPTIONAL = {("Evidence", "states"), ("Evidence", "disclosures")}


def other_int(rng, value):
    return rng.choice([value + 1, max(value - 1, 0), value ^ 1 << rng.randrange(32), rng.randrange(1 << rng.randrange(1, 63)), 0])


def other_bytes(rng, value):
    kind = rng.randrange(8)
    if kind == 0 and value:
        return value[:-1]
    if kind == 1:
        return value + bytes([rng.randrange(256)])
    if kind == 2:
        return bytes(len(value))
    if kind == 3:
        return b""
    if not value:
        return rng.randbytes(rng.choice([1, 32, 48]))
    at = rng.randrange(len(value))
    return value[:at] + bytes([value[at] ^ rng.randrange(1, 256)]) + value[at + 1:]


def other_text(rng, value):
    return other_bytes(rng, value.encode()).decode("ascii", "replace").replace("\ufffd", "?")


def other_list(rng, value):
    out = list(value)
    at = rng.randrange(len(out)) if out else 0
    kind = rng.randrange(3) if len(out) > 1 else rng.randrange(2)
    if kind == 0 and out:
        del out[at]
    elif kind == 1 and out:
        out.insert(at, out[at])
    elif out:
        to = rng.randrange(len(out))
        out[at], out[to] = out[to], out[at]
    return out


def no_longer(rng, value):
    """Bytes where there was a truth value or nothing."""
    return rng.randbytes(rng.choice([0, 1, 32]))


OTHER_CBOR = {bool: no_longer, type(None): no_longer, int: lambda rng, value: other_int(rng, abs(value)), bytes: other_bytes, str: other_text}


def around(parts, at):
    """What stands before and behind one part."""
    return b"".join(parts[:at]), b"".join(parts[at + 1:])


def container(major, count):
    assert count < 24
    return bytes([major << 5 | count])


class Fields:
    """leaves: (path, make), where make(rng) gives an evidence file in which that one field has another value. What does not change is encoded
    once: each put takes the bytes of its own part and puts what stands around it about them."""

    def __init__(self, evidence):
        self.leaves = []
        self._message("Evidence", pb.decode("Evidence", evidence), lambda data: data, "evidence")

    def _leaf(self, path, other, value, put):
        self.leaves.append((path, lambda rng: put(other(rng, value))))

    def _message(self, message, values, put, path):
        wires = [pb.encode(message, {name: values[name]}) for _, name, _ in pb.SCHEMA[message]]
        for at, (number, name, kind) in enumerate(pb.SCHEMA[message]):
            before, behind = around(wires, at)
            where = f"{path}.{name}"

            def put_values(new, name=name, before=before, behind=behind):
                return put(before + pb.encode(message, {name: new}) + behind)
            if not isinstance(kind, list):
                self._value(message, name, kind, values[name], put_values, where)
                continue
            if (message, name) not in OPTIONAL and values[name]:
                self._leaf(where, other_list, values[name], put_values)
            elements = [pb.encode_value(number, kind[0], one) for one in values[name]]
            for i, one in enumerate(values[name]):
                first, last = around(elements, i)

                def put_element(new, number=number, start=before + first, end=last + behind,
                                wire="bytes" if kind[0] in pb.SCHEMA else kind[0]):
                    return put(start + pb.encode_value(number, wire, new) + end)
                self._value(message, name, kind[0], one, put_element, f"{where}[{i}]")

    def _value(self, message, name, kind, value, put, path):
        """put takes a scalar as it is, a message as its bytes."""
        inner = INNER.get((message, name))
        if kind in ("u32", "u64"):
            self._leaf(path, other_int, value, put)
        elif kind == "str":
            self._leaf(path, other_text, value, put)
        elif inner:
            self._message(inner, pb.decode(inner, value), put, path)
        elif (message, name) in COSE:
            self._cose(value, put, path)
        elif kind == "bytes":
            self._leaf(path, other_bytes, value, put)
        else:
            self._message(kind, value, put, path)

    def _cose(self, data, put, path):
        parts = cose.loads(data)
        encoded = [cbor2.dumps(part) for part in parts]

        def put_part(index):
            before, behind = around([container(4, 4), *encoded], index + 1)
            return lambda new: put(before + cbor2.dumps(new) + behind)
        self._cbor(cose.loads(parts[0]), put_part(0), path + ".protected")
        self._cbor(cose.loads(parts[2]), put_part(2), path + ".payload")
        self._leaf(path + ".signature", other_bytes, parts[3], put_part(3))

    def _cbor(self, value, put, path):
        """put takes the encoded value."""
        if isinstance(value, dict):
            pairs = [cbor2.dumps(key) + cbor2.dumps(one) for key, one in value.items()]
            for i, (key, one) in enumerate(value.items()):
                before, behind = around(pairs, i)
                absent = container(5, len(pairs) - 1) + before + behind
                start = container(5, len(pairs)) + before + cbor2.dumps(key)
                self._cbor(one, lambda new, start=start, behind=behind: put(start + new + behind), f"{path}.{key}")
                self._leaf(f"{path}.{key} (absent)", lambda rng, value: value, absent, put)
        elif isinstance(value, list):
            self._leaf(path, other_list, value, lambda new: put(cbor2.dumps(new)))
            for i, one in enumerate(value):
                before, behind = around([container(4, len(value)), *map(cbor2.dumps, value)], i + 1)
                self._cbor(one, lambda new, before=before, behind=behind: put(before + new + behind), f"{path}[{i}]")
        else:
            self._leaf(path, OTHER_CBOR[type(value)], value, lambda new: put(cbor2.dumps(new)))
