"""Which accounts and Regions a document may name."""

from bedrock_autoscaler.application.fleets.places import Place
from tests.builders import REGION
from tests.unit.application.stored_settings import OTHER_MODEL, Store, document, names, places


def test_a_target_does_not_move_to_another_place() -> None:
    """What it holds would stay behind, billed and in nobody's sight."""
    store = Store(chat=document())
    store.elsewhere = frozenset({Place(account="999988887777", region="us-west-2")})
    before = store.load()
    store.edit(chat=document(account="999988887777", region="us-west-2"))

    settings = store.load()

    assert settings.targets == before.targets
    assert places(settings) == [("chat", "region")]


def test_a_target_does_not_come_home_from_a_place_that_is_managed_no_more() -> None:
    """Nobody would look after what it holds there, and its ledger would call all of it lost."""
    store = Store(chat=document(account="999988887777", region="us-west-2"))
    store.elsewhere = frozenset({Place(account="999988887777", region="us-west-2")})
    store.load()
    store.elsewhere = frozenset()
    store.edit(chat=document())

    settings = store.load()

    assert settings.targets == ()
    assert places(settings) == [("chat", "region")]


def test_a_document_of_another_account_or_region_is_refused() -> None:
    settings = Store(
        chat=document(account="999999999999"), web=document(OTHER_MODEL, region="eu-west-1")
    ).load()

    assert names(settings) == []
    assert places(settings) == [("chat", "account"), ("web", "account")]
    assert "999999999999 in us-east-1 is another place" in settings.problems[0].message


def test_a_document_of_a_listed_account_and_region_is_in_force() -> None:
    store = Store(
        chat=document(account="999999999999"),
        web=document(OTHER_MODEL, account="999999999999", region="eu-west-1"),
    )
    store.elsewhere = frozenset({Place(account="999999999999", region=REGION)})

    settings = store.load()

    assert names(settings) == ["chat"]
    assert places(settings) == [("web", "account")]
    assert "parameters SpokeAccounts and SpokeRegions" in settings.problems[0].message


def test_a_place_that_is_no_longer_listed_is_out_of_force_at_once() -> None:
    store = Store(chat=document(account="999999999999"))
    store.elsewhere = frozenset({Place(account="999999999999", region=REGION)})
    store.load()

    store.elsewhere = frozenset()

    assert names(store.load()) == []


def test_instances_of_endpoints_are_changed_at_home_alone() -> None:
    endpoint = {
        "kind": "marketplace_endpoint",
        "address": "arn:aws:sagemaker:us-east-1:999999999999:endpoint/own",
        "instances": {
            "max_instances": 2,
            "calls_per_minute": 40,
            "usd_per_instance_hour": 1.5,
            "source": "test",
            "as_of": "2026-11-01",
        },
    }
    store = Store(chat=document(account="999999999999", options=[endpoint]))
    store.elsewhere = frozenset({Place(account="999999999999", region=REGION)})

    settings = store.load()

    assert places(settings) == [("chat", "options")]
    assert "in us-east-1 alone" in settings.problems[0].message
