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


class Fields:
    """leaves: (path, make), where make(rng) gives an evidence file in which that one field has another value."""

    def __init__(self, evidence):
        self.leaves = []
        self._message("Evidence", pb.decode("Evidence", evidence), lambda values: pb.encode("Evidence", values), "evidence")

    def _leaf(self, path, other, value, put):
        self.leaves.append((path, lambda rng: put(other(rng, value))))

    def _message(self, message, values, rebuild, path):
        for _, name, kind in pb.SCHEMA[message]:
            def put(new, name=name):
                return rebuild({**values, name: new})
            where = f"{path}.{name}"
            if not isinstance(kind, list):
                self._value(message, name, kind, values[name], put, where)
                continue
            if (message, name) not in OPTIONAL and values[name]:
                self._leaf(where, other_list, values[name], put)
            for i, element in enumerate(values[name]):
                def put_element(new, i=i, put=put, elements=values[name]):
                    return put([*elements[:i], new, *elements[i + 1:]])
                self._value(message, name, kind[0], element, put_element, f"{where}[{i}]")

    def _value(self, message, name, kind, value, put, path):
        inner = INNER.get((message, name))
        if kind in ("u32", "u64"):
            self._leaf(path, other_int, value, put)
        elif kind == "str":
            self._leaf(path, other_text, value, put)
        elif inner:
            self._message(inner, pb.decode(inner, value), lambda values: put(pb.encode(inner, values)), path)
        elif (message, name) in COSE:
            self._cose(value, put, path)
        elif kind == "bytes":
            self._leaf(path, other_bytes, value, put)
        else:
            self._message(kind, value, put, path)

    def _cose(self, data, put, path):
        parts = cose.loads(data)

        def put_part(index):
            return lambda new: put(cbor2.dumps([new if i == index else part for i, part in enumerate(parts)]))
        self._cbor(cose.loads(parts[0]), lambda new: put_part(0)(cbor2.dumps(new)), path + ".protected")
        self._cbor(cose.loads(parts[2]), lambda new: put_part(2)(cbor2.dumps(new)), path + ".payload")
        self._leaf(path + ".signature", other_bytes, parts[3], put_part(3))

    def _cbor(self, value, put, path):
        if isinstance(value, dict):
            for key in value:
                self._cbor(value[key], lambda new, key=key: put({**value, key: new}), f"{path}.{key}")
                self._leaf(f"{path}.{key} (absent)", lambda rng, value, key=key: {k: v for k, v in value.items() if k != key}, value, put)
        elif isinstance(value, list):
            self._leaf(path, other_list, value, put)
            for i, element in enumerate(value):
                self._cbor(element, lambda new, i=i: put([*value[:i], new, *value[i + 1:]]), f"{path}[{i}]")
        elif isinstance(value, bool) or value is None:
            self._leaf(path, lambda rng, value: rng.randbytes(rng.choice([0, 1, 32])), value, put)
        else:
            self._leaf(path, {int: lambda rng, v: other_int(rng, abs(v)), bytes: other_bytes, str: other_text}[type(value)], value, put)
