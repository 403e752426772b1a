"""A stage for the Bedrock adapters; no call leaves the process."""

import pytest

from tests.bedrock_stage import Stage, build_stage


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "111122223333")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    # The SDK's pauses between attempts.
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    return build_stage()
