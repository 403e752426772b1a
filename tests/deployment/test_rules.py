"""The template keeps every rule, whatever its parameters; each rule notices its planted defects."""

from collections.abc import Callable

import pytest

from tests.deployment import access_defects, access_rules, other_defects, rules, running_rules
from tests.deployment.spoiling import Rule
from tests.deployment.template import Stack, stack
from tests.deployment.variants import VARIANTS

pytestmark = pytest.mark.xdist_group("template")

DEFECTS = (*access_defects.DEFECTS, *other_defects.DEFECTS)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_template_keeps_the_rule(rule: Rule, variant: str) -> None:
    deployed = stack(**VARIANTS[variant])

    assert list(rule(deployed)) == []


@pytest.mark.parametrize(
    ("rule", "spoil"),
    [pytest.param(rule, spoil, id=f"{rule.__name__}: {defect}") for rule, defect, spoil in DEFECTS],
)
def test_rule_notices_the_defect(rule: Rule, spoil: Callable[[Stack], None]) -> None:
    of_work = (
        running_rules.work_is_done_once_at_a_time,
        running_rules.poisoned_work_ends,
        access_rules.roles_are_assumed_by_name,
    )
    fanned = VARIANTS["spokes"] if rule in of_work else {}
    spoiled = stack(**VARIANTS["buying"], **VARIANTS["scaling"], **fanned).copy()

    spoil(spoiled)

    assert list(rule(spoiled)) != []


def test_every_rule_has_a_planted_defect() -> None:
    assert {rule for rule, _, _ in DEFECTS} == set(rules.RULES)
