"""Quotas by code, their names held against it, and the evidence for more."""

from dataclasses import replace

import numpy as np
import pytest

from bedrock_autoscaler.domain.economics.quotas import (
    AccountQuota,
    Family,
    QuotaKind,
    QuotaMeasure,
    disagreement,
    headroom,
    kind_by_name,
    quota_evidence,
    wanted_value,
)
from tests.builders import NOW, build_traffic

TPM = QuotaKind(family=Family.CROSS_REGION, measure=QuotaMeasure.TOKENS_PER_MINUTE, subject="model")


@pytest.mark.parametrize(
    ("name", "family", "measure"),
    [
        (
            "On-demand model inference requests per minute for Amazon Nova Pro",
            Family.ON_DEMAND,
            QuotaMeasure.REQUESTS_PER_MINUTE,
        ),
        (
            "Cross-region model inference tokens per minute for Anthropic Claude Sonnet 4.5",
            Family.CROSS_REGION,
            QuotaMeasure.TOKENS_PER_MINUTE,
        ),
        (
            "Cross-Region InvokeModel tokens per minute for Claude ",
            Family.CROSS_REGION,
            QuotaMeasure.TOKENS_PER_MINUTE,
        ),
        (
            "Global cross-region model inference tokens per minute for Amazon Nova 2 Lite",
            Family.GLOBAL,
            QuotaMeasure.TOKENS_PER_MINUTE,
        ),
        (
            "Model units no-commitment Provisioned Throughputs across base models",
            Family.UNIT_POOL,
            QuotaMeasure.MODEL_UNITS,
        ),
        (
            "Model units per provisioned model for the 24k context length variant for Nova Lite",
            Family.UNITS_OF_MODEL,
            QuotaMeasure.MODEL_UNITS,
        ),
        (
            "Latency-optimized cross-region tokens per minute for Nova Pro",
            Family.OTHER,
            QuotaMeasure.TOKENS_PER_MINUTE,
        ),
        ("Cross-Model Account-Level Tokens Per Day", Family.OTHER, QuotaMeasure.OTHER),
        ("Custom models per account", Family.OTHER, QuotaMeasure.OTHER),
    ],
)
def test_what_a_name_seems_to_say(name: str, family: Family, measure: QuotaMeasure) -> None:
    assert kind_by_name(name) == QuotaKind(family=family, measure=measure, subject="")


@pytest.mark.parametrize(
    "name",
    [
        "Cross-region model inference requests per minute for Claude",
        "Global cross-region model inference tokens per minute for Claude",
        "On-demand model inference tokens per minute for Claude",
        "Model units per provisioned model for Claude",
        "",
    ],
)
def test_a_code_whose_name_says_something_else_is_doubted(name: str) -> None:
    assert "the code is known for cross_region tokens_per_minute" in disagreement(TPM, name)


def test_a_misspelled_model_is_no_disagreement() -> None:
    name = "Cross-region model inference tokens per minute for Meta Maverick 4 Scout  "

    assert disagreement(TPM, name) == ""


def test_the_applied_value_counts_even_when_it_is_below_the_default() -> None:
    quota = AccountQuota(
        code="L-1",
        name="",
        applied=0.0,
        default=200.0,
        is_adjustable=True,
        kind=TPM,
        is_known=True,
    )

    assert quota.value == 0.0
    assert replace(quota, applied=None).value == 200.0


def test_evidence_is_worked_out_of_the_minutes() -> None:
    traffic = build_traffic(4, end=NOW)
    gap = np.array([100.0, 0.0, 300.0, np.nan])
    traffic = replace(
        traffic,
        invocations=gap,
        input_tokens=gap * 1_000,
        output_tokens=gap * 100,
        cache_write_tokens=gap * 10,
        throttles=np.array([0.0, 0.0, 100.0, np.nan]),
    )

    found = quota_evidence(traffic, output_burndown=5.0)

    # Three minutes are known, two of them busy: 100 and 300 calls of 1,010 + 5 x 100 tokens.
    assert found is not None
    assert found.days == pytest.approx(3 / 1440)
    assert (found.steady_rpm, found.peak_rpm) == (200.0, 300.0)
    assert (found.steady_tpm, found.peak_tpm) == (302_000.0, 453_000.0)
    assert (found.input_tokens, found.output_tokens) == (1_010.0, 100.0)
    assert found.throttled_share == pytest.approx(100 / 500)


def test_without_a_burndown_quota_tokens_are_unknown() -> None:
    found = quota_evidence(build_traffic(2, end=NOW), None)

    assert found is not None
    assert (found.steady_tpm, found.peak_tpm) == (None, None)
    assert found.peak_rpm > 0
    assert wanted_value(TPM, found, units=4) is None


def test_a_small_value_is_a_whole_number() -> None:
    found = quota_evidence(replace(build_traffic(1, end=NOW), invocations=np.array([1.0])), 1.0)

    # 1.5 x 1 requests a minute.
    assert (
        wanted_value(replace(TPM, measure=QuotaMeasure.REQUESTS_PER_MINUTE), found, units=4) == 2.0
    )


def test_without_a_call_there_is_no_evidence() -> None:
    silent = replace(build_traffic(2, end=NOW), invocations=np.zeros(2))

    assert quota_evidence(silent, 1.0) is None


def test_half_as_much_again_as_the_peak_is_asked_for_in_round_figures() -> None:
    traffic = replace(
        build_traffic(1, end=NOW),
        invocations=np.array([411.0]),
        input_tokens=np.array([1_234_000.0]),
        output_tokens=np.array([0.0]),
    )
    found = quota_evidence(traffic, 1.0)

    # 1.5 x 1,234,000 = 1,851,000; 1.5 x 411 = 616.5.
    assert wanted_value(TPM, found, units=4) == 1_900_000.0
    requests = replace(TPM, measure=QuotaMeasure.REQUESTS_PER_MINUTE)
    assert wanted_value(requests, found, units=4) == 620.0
    assert wanted_value(replace(TPM, measure=QuotaMeasure.MODEL_UNITS), None, units=4) == 4.0


@pytest.mark.parametrize(
    ("kind", "units"),
    [(TPM, 4), (replace(TPM, measure=QuotaMeasure.MODEL_UNITS), 0)],
    ids=["no traffic", "no units allowed"],
)
def test_where_nothing_speaks_for_a_value_none_is_made_up(kind: QuotaKind, units: int) -> None:
    assert wanted_value(kind, None, units) is None


@pytest.mark.parametrize(
    ("value", "used", "left"),
    [(100.0, 25.0, 0.75), (100.0, 130.0, 0.0), (0.0, 0.0, None), (None, 5.0, None)],
)
def test_headroom_is_what_is_left_and_unknown_of_nothing(
    value: float | None, used: float, left: float | None
) -> None:
    assert headroom(value, used) == left
