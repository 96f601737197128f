"""Names of KMS's endpoints against botocore, which knows every partition and region."""
import os
import pathlib
import subprocess

import botocore.session
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILDS = [pathlib.Path(p) for p in os.environ.get("CMAW_BUILD", str(ROOT / "build")).split(":")]
SESSION = botocore.session.get_session()
REGIONS = [(partition, region) for partition in SESSION.get_available_partitions()
           for region in SESSION.get_available_regions("kms", partition, allow_non_regional=False)]


def ours(partition, region, *fips):
    program = next(p for build in BUILDS for p in build.rglob("aws-endpoint") if p.is_file())
    return subprocess.run([program, f"arn:{partition}:kms:{region}:111122223333:key/x", "kms", *fips], capture_output=True, text=True, timeout=180)


def botocores(region, fips):
    config = botocore.config.Config(use_fips_endpoint=fips)
    client = SESSION.create_client("kms", region_name=region, config=config, aws_access_key_id="a", aws_secret_access_key="b")
    return client.meta.endpoint_url.removeprefix("https://")


def test_all_partitions_are_there():
    assert len({partition for partition, _ in REGIONS}) >= 8 and len(REGIONS) >= 40


@pytest.mark.parametrize("fips", [False, True], ids=["standard", "fips"])
def test_every_region(fips):
    for partition, region in REGIONS:
        assert ours(partition, region, *(["fips"] if fips else [])).stdout.strip() == botocores(region, fips), (partition, region)


def test_a_region_of_another_partition_has_none():
    for partition, region in REGIONS:
        for other in {p for p, _ in REGIONS} - {partition}:
            assert ours(other, region).returncode == 1, (other, region)
