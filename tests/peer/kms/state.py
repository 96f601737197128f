"""What the cases of one peer stand on: an emulator of its own, principals, keys, enclaves, and what earlier cases gave."""
import json

from cryptography.hazmat.primitives.asymmetric import ec, rsa

import devd as emulator
import peers
import table


class State:
    def __init__(self, peer, servers):
        """servers by name; "now" is the one that keys live in."""
        self.peer, self.servers = peer, servers
        self.maker = peers.Boto3()  # of keys: the quickest
        self.known = table.principals()
        self.credentials, self.enclaves = {}, {}
        self.rsa = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.enter({})

    def close(self):
        for enclave in self.enclaves.values():
            enclave.close()
        self.peer.close()

    def enter(self, keys, roles=None):
        """Another chapter: its keys, nothing saved, and its roles by name with what they trust and may."""
        self.keys = keys
        self.saved = {"account": emulator.ACCOUNT, "region": emulator.REGION, "context": emulator.CONTEXT,
                      "arn": {name: self.arn(name) for name in self.known}}
        for name, entry in (roles or {}).items():
            policies = [json.loads(self.policy(entry[kind], identity=kind == "policy")) if kind in entry else None for kind in ("trust", "policy")]
            for policy in policies[:1]:
                for statement in policy["Statement"]:
                    del statement["Resource"]  # a trust policy is the role's own
            self.servers["now"].role(f"arn:aws:iam::{emulator.ACCOUNT}:role/{name}", *policies)

    # -- principals ------------------------------------------------------------------------------------------------

    def arn(self, name):
        return f"arn:aws:iam::{emulator.ACCOUNT}:{self.known[name]['arn']}"

    def _credentials(self, name, server):
        """(id, secret, token) of a principal, with what its entry changes about them; of a session, as a case has saved them."""
        entry = self.known[name]
        if "credentials" in entry:
            one = self.resolve(entry["credentials"])
            return one["AccessKeyId"], one["SecretAccessKey"], one["SessionToken"]
        if (name, server) not in self.credentials:
            statements = entry.get("policy")
            text = json.loads(self.policy(statements, identity=True)) if statements else None
            made = self.servers[server].access_key(self.arn(name), text, session=entry.get("session", False), expires_in=entry.get("expires_in"))
            made |= entry.get("change", {})
            self.credentials[name, server] = made["AccessKeyId"], made["SecretAccessKey"], made.get("SessionToken")
        return self.credentials[name, server]

    # -- values ----------------------------------------------------------------------------------------------------

    def look_up(self, path):
        head, *rest = path.split(".")
        if head not in self.saved and head in self.keys:
            self.saved[head] = self._make_key(self.keys[head])
        assert head in self.saved, f"no case has saved {head}"
        value = self.saved[head]
        for name in rest:
            value = value[int(name)] if isinstance(value, list) else value[name]
        return value

    def resolve(self, value):
        if isinstance(value, table.Tag):
            return value.resolve(self)
        if isinstance(value, dict):
            return {self.resolve(name): self.resolve(one) for name, one in value.items()}
        if isinstance(value, list):
            return [self.resolve(one) for one in value]
        if not isinstance(value, str):
            return value
        whole = table.REFERENCE.fullmatch(value)
        return self.look_up(whole[1]) if whole else table.REFERENCE.sub(lambda found: str(self.look_up(found[1])), value)

    def _statement(self, entry, identity):
        who = next(name for name in ("allow", "deny", "deny_except") if name in entry)
        names = entry[who] if isinstance(entry[who], list) else [entry[who]]
        arns = [self.arn(name) if name in self.known else self.resolve(name) for name in names]
        made = {"Effect": "Allow" if who == "allow" else "Deny"}
        for name, element in (("do", "Action"), ("not_do", "NotAction")):
            if name in entry:
                made[element] = [action if ":" in action or action == "*" else f"kms:{action}" for action in entry[name]]
        made["NotResource" if "not_of" in entry else "Resource"] = self.resolve(entry.get("of", entry.get("not_of", "*")))
        if not identity:
            made["NotPrincipal" if who == "deny_except" else "Principal"] = "*" if arns == ["*"] else {"AWS": arns}
        return made | ({"Condition": self.resolve(entry["if"])} if "if" in entry else {})

    def policy(self, statements, identity=False):
        return emulator.policy(*[self._statement(entry, identity) for entry in statements])

    def _make_key(self, spec):
        """A key by its statements, which the administrator can always change; hardened; or a request, with its statements apart."""
        request = self.resolve(spec) if isinstance(spec, dict) else {}
        statements = request.pop("statements", None) if isinstance(spec, dict) else spec
        if statements == "hardened":
            request["Policy"] = emulator.hardened()
        elif statements is not None:
            made = json.loads(self.policy(statements))["Statement"]
            request["Policy"] = emulator.policy(*made, emulator.ADMINISTRATION)
        made = self.maker.call(self._call("admin", "CreateKey"), request)
        assert made.error is None, made
        return made.output["KeyMetadata"]["Arn"]

    # -- enclaves --------------------------------------------------------------------------------------------------

    def _enclave(self, image, lock, debug):
        if (image, lock, debug) not in self.enclaves:
            one = emulator.Enclave(self.servers["now"].folder, image=image, debug=debug)
            if lock:
                one.extend_and_lock(16, lock.encode())
            self.enclaves[image, lock, debug] = one
        return self.enclaves[image, lock, debug]

    def recipient(self, image="good", lock="role-lock", debug=False, document=None, flip=None, key="own", algorithm="RSAES_OAEP_SHA_256"):
        makers = {"own": lambda: emulator.spki(self.rsa), "none": lambda: None, "empty": lambda: b"",
                  "ec": lambda: emulator.spki(ec.generate_private_key(ec.SECP256R1())),
                  "rsa3072": lambda: emulator.spki(rsa.generate_private_key(public_exponent=65537, key_size=3072))}
        data = self.resolve(document) if document is not None else self._enclave(image, lock, debug).attest(public_key=makers[key]())
        if flip is not None:
            data = data[:flip] + bytes([data[flip] ^ 1]) + data[flip + 1:]
        return {"KeyEncryptionAlgorithm": algorithm, "AttestationDocument": data}

    # -- calls -----------------------------------------------------------------------------------------------------

    def _call(self, who, operation, page_size=None, process=False):
        entry = self.known[who]
        server = entry.get("server", "now")
        devd = self.servers[server]
        return peers.Call(f"https://localhost:{devd.port}", str(devd.folder / "tls-ca.pem"), self._credentials(who, server),
                          entry.get("region", emulator.REGION), operation, page_size, process)

    def call(self, who, operation, request, page_size=None, process=False):
        answer = self.peer.call(self._call(who, operation, page_size, process), request)
        if answer.error is None and "Recipient" in request:
            assert not answer.output.get("Plaintext") and not answer.output.get("PrivateKeyPlaintext"), "a plaintext beside an envelope"
            assert "KeyMaterialId" not in answer.output
            answer.output["Opened"] = emulator.open_envelope(answer.output["CiphertextForRecipient"], self.rsa)
        return answer

    def run(self, case):
        """Makes the call of a case and returns all that is not as the table says."""
        request = self.resolve(case.get("with", {}))
        answer = self.call(case["as"], case["do"], request, case.get("page_size"), case.get("process", False))
        if answer.error != case.get("error"):
            return [f"{answer.error}: {answer.message}" if answer.error else f"no error, but {answer.output}"]
        found = []
        if answer.status not in (None, case.get("status", 400 if answer.error else 200)):
            found.append(f"HTTP status {answer.status}")
        if "message" in case:
            found += table.differences(case["message"], answer.message, self, "message")
        if "pages" in case and answer.pages not in (None, case["pages"]):
            found.append(f"{answer.pages} pages")
        if answer.error is None:
            found += table.differences(case.get("gives", {}), answer.output, self)
            if "save" in case:
                self.saved[case["save"]] = answer.output
        return found
