import pytest

import devd as world
import logs


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    for one in world.Devd.serving if logs.failed(call) else []:
        code = one.process.poll()
        item.add_report_section(call.when, f"log of cmaw-devd, {'serving' if code is None else f'ended with {code}'},", one.log_end())
    return (yield)


@pytest.fixture(scope="module")
def devd(tmp_path_factory):
    one = world.Devd(tmp_path_factory.mktemp("devd")).start()
    yield one
    assert one.stop() == 0


def with_clock(tmp_path_factory, offset_s):
    """An emulator whose clock differs from its clients' and its enclaves'."""
    with world.Devd(tmp_path_factory.mktemp("clock")).start("--kms-clock-offset", str(offset_s)) as one:
        yield one


@pytest.fixture(scope="session")
def late(tmp_path_factory):
    yield from with_clock(tmp_path_factory, -600)


@pytest.fixture(scope="session")
def early(tmp_path_factory):
    yield from with_clock(tmp_path_factory, 600)


@pytest.fixture(scope="session")
def near(tmp_path_factory):
    yield from with_clock(tmp_path_factory, 240)


@pytest.fixture(scope="module")
def admin(devd):
    return devd.client("kms", devd.access_key(world.ADMIN))


@pytest.fixture(scope="module")
def parent(devd):
    return devd.client("kms", devd.access_key(world.PARENT))


@pytest.fixture(scope="module")
def trail(devd):
    return devd.client("cloudtrail", devd.access_key(f"arn:aws:iam::{world.ACCOUNT}:user/auditor"))


@pytest.fixture(scope="module")
def open_key(admin):
    """A key that the parent may use without attestation."""
    statements = [world.allow(world.PARENT, ["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*", "kms:CreateGrant"]),
                  world.ADMINISTRATION]
    return admin.create_key(Policy=world.policy(*statements))["KeyMetadata"]["Arn"]


@pytest.fixture(scope="module")
def hard_key(admin):
    return admin.create_key(Policy=world.hardened())["KeyMetadata"]["Arn"]


@pytest.fixture
def enclave(devd):
    one = world.Enclave(devd.folder)
    one.extend_and_lock(16, world.ROLE_LOCK)
    yield one
    one.close()
