"""The emulator's shortcuts give what it gives without them."""

from typing import Any

import pytest
from moto.cloudwatch.models import CloudWatchBackend
from moto.core.serialize import XFormedAttributePicker
from moto.dynamodb.models.table import Table

from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import MODEL, NOW
from tests.functions.account import opened
from tests.functions.quick_moto import QUICKER

_ANEW: dict[str, Any] = {
    "items": Table.all_items,
    "metrics": CloudWatchBackend.get_metric_data,
    "names": lambda *asked: tuple(_names_anew(*asked)),
}
_names_anew: Any = XFormedAttributePicker.get_possible_keys


def test_shortcuts_give_what_the_emulator_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = dict.fromkeys(_ANEW, 0)

    def both(kind: str, name: str) -> Any:
        quick = QUICKER[name]

        def answer(*args: Any, **named: Any) -> Any:
            found = quick(*args, **named)
            assert found == _ANEW[kind](*args, **named)
            compared[kind] += 1
            return found

        return answer

    with opened(monkeypatch) as account:
        for kind, name in zip(_ANEW, list(QUICKER)[1:], strict=True):
            monkeypatch.setattr(name, both(kind, name))
        for _ in range(2):
            account.run("observe_decide", loop="capacity")
            account.move(15 * MINUTE)
            account.serve(MODEL, 3)
        found = account.cloudwatch.get_metric_data(
            MetricDataQueries=[_query(name) for name in ("Invocations", "Nothing")],
            StartTime=NOW - HOUR,
            EndTime=account.now,
        )

    assert [len(each["Values"]) for each in found["MetricDataResults"]] == [90, 0]
    assert min(compared.values()) > 1


def _query(name: str) -> Any:
    metric = {
        "Namespace": "AWS/Bedrock",
        "MetricName": name,
        "Dimensions": [{"Name": "ModelId", "Value": MODEL}],
    }
    return {"Id": name.lower(), "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}
