"""The NSM socket, as an enclave's driver sees it."""
import concurrent.futures
import errno

import cbor2
import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

import devd as world
from devd import Enclave, NsmError


def test_documents_by_an_independent_library(devd):
    root = (devd.folder / "attestation-root.der").read_bytes()
    enclave = Enclave(devd.folder)
    heads = set()
    for _ in range(2):
        document = enclave.attest(user_data=b"", nonce=b"fresh")
        fields, chain = world.verify_document(document, root)
        heads.add(world.split_document(document)[3][0])
        assert list(fields) == ["module_id", "digest", "timestamp", "pcrs", "certificate", "cabundle", "public_key", "user_data", "nonce"]
        assert (fields["public_key"], fields["user_data"], fields["nonce"]) == (None, b"", b"fresh")
        assert fields["digest"] == "SHA384" and list(fields["pcrs"]) == list(range(16))
        assert fields["pcrs"][0] == world.pcr("good0") and fields["pcrs"][3] == world.pcr("parent-role") and fields["pcrs"][5] == bytes(48)
    assert heads == {0xa9, 0xbf}
    lifetimes = [(c.not_valid_after_utc - c.not_valid_before_utc).total_seconds() for c in chain]
    assert lifetimes[1:] == [20 * 86400 + 3600, 6 * 86400, 86400, 3 * 3600 + 3]
    for certificate in chain:
        assert certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)[0].value == "simulation"
        assert len(certificate.public_bytes(world.serialization.Encoding.DER)) <= 1024
    leaf = chain[-1]
    usage = leaf.extensions.get_extension_for_class(x509.KeyUsage)
    assert not usage.critical and usage.value.digital_signature and not usage.value.key_cert_sign
    basic = leaf.extensions.get_extension_for_class(x509.BasicConstraints)
    assert basic.critical and not basic.value.ca
    for kind in (x509.AuthorityKeyIdentifier, x509.SubjectKeyIdentifier, x509.ExtendedKeyUsage):
        with pytest.raises(x509.ExtensionNotFound):
            leaf.extensions.get_extension_for_class(kind)
    for length, certificate in zip((None, 2, 1, 0), chain):
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        assert basic.critical and basic.value.ca and basic.value.path_length == length
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
        assert usage.critical and usage.value.key_cert_sign and usage.value.digital_signature == usage.value.crl_sign == (length != 0)
    for certificate in chain[1:3]:
        assert not certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).critical
    assert 4000 <= len(document) <= 5233  # the published ones: 4,396 to 5,233


@pytest.mark.parametrize("form, head", [("definite", 0xa9), ("indefinite", 0xbf)])
def test_map_forms(tmp_path, form, head):
    devd = world.Devd(tmp_path / "devd", "--map-form", form).start()
    enclave = Enclave(devd.folder)
    for _ in range(3):
        assert world.split_document(enclave.attest())[3][0] == head
    assert devd.stop() == 0


def test_registers(devd):
    enclave = Enclave(devd.folder)
    assert enclave.call({"DescribePCR": {"index": 16}})["DescribePCR"] == {"lock": False, "data": bytes(48)}
    value = enclave.extend_and_lock(16, b"role")
    assert value == world.extended(b"role")
    enclave.call({"ExtendPCR": {"index": 17, "data": b"open"}})
    pcrs = world.split_document(enclave.attest())[1]["pcrs"]
    assert pcrs[16] == value and 17 not in pcrs
    for request in ({"ExtendPCR": {"index": 16, "data": b"x"}}, {"LockPCR": {"index": 16}}, {"ExtendPCR": {"index": 0, "data": b"x"}}):
        with pytest.raises(NsmError, match="ReadOnlyIndex"):
            enclave.call(request)
    with pytest.raises(NsmError, match="InputTooLarge"):
        enclave.attest(nonce=bytes(513))
    described = enclave.call("DescribeNSM")["DescribeNSM"]
    assert described["locked_pcrs"] == list(range(17)) and described["max_pcrs"] == 32


def test_debug_mode_zeroes_the_image(devd):
    pcrs = world.split_document(Enclave(devd.folder, debug=True).attest())[1]["pcrs"]
    assert [index for index in range(16) if pcrs[index] != bytes(48)] == [3, 4]


def test_errno_of_the_device(devd):
    enclave = Enclave(devd.folder)
    assert enclave.ioctl(bytes(0x1001)) == (errno.EMSGSIZE, b"")
    assert cbor2.loads(enclave.ioctl(bytes(0x1000))[1]) == {"Error": "InvalidOperation"}
    assert cbor2.loads(enclave.ioctl(b"")[1]) == {"Error": "InvalidOperation"}
    assert enclave.call("GetRandom")["GetRandom"]["random"]
    with pytest.raises((EOFError, ConnectionError)):
        enclave.socket.sendall(b"\xff\xff\xff\xff" + bytes(64))
        enclave._exact(1)


def test_greetings(devd):
    with pytest.raises(NsmError, match="not found"):
        Enclave(devd.folder, token="0" * 32)
    with pytest.raises(NsmError):
        Enclave(devd.folder, token="x" * 500)
    with pytest.raises(NsmError):
        Enclave(devd.folder, name="i-0123")


def test_instances_are_apart(devd):
    def one(number):
        enclave = Enclave(devd.folder, image=f"image{number}", name=f"i-0{number}-enc0{number}")
        value = enclave.extend_and_lock(16, str(number).encode())
        pcrs = world.split_document(enclave.attest())[1]["pcrs"]
        assert pcrs[0] == world.pcr(f"image{number}0") and pcrs[16] == value == world.extended(str(number).encode())
        enclave.close()

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(one, range(32)))


def test_leaves_are_reused(devd):
    first, second = Enclave(devd.folder), Enclave(devd.folder)
    leaf = world.split_document(first.attest())[1]["certificate"]
    assert world.split_document(first.attest())[1]["certificate"] == leaf
    assert world.split_document(second.attest())[1]["certificate"] != leaf
