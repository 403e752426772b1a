import pytest

from bedrock_autoscaler.backtest.lives import UnitBook


def test_deletion_takes_the_oldest_of_units_with_equal_paid_time() -> None:
    book = UnitBook(billing_minutes=60)
    book.order(5, 2)
    book.order(65, 1)

    # At minute 70 all three are paid until minute 125.
    deleted = book.delete(70, 1)

    assert deleted == [(5, 1)]
    assert book.groups() == [(5, 1), (65, 1)]


def test_deletion_goes_on_with_the_unit_whose_hour_ends_next() -> None:
    book = UnitBook(billing_minutes=60)
    for row in (10, 50, 55):
        book.order(row, 1)

    # At minute 112 the paid hours end at 130, 170 and 115.
    assert book.delete(112, 2) == [(55, 1), (10, 1)]
    assert book.count == 1


def test_no_more_units_are_deleted_than_exist() -> None:
    book = UnitBook(billing_minutes=60)
    book.order(0, 1)

    with pytest.raises(ValueError, match="2 units to delete at row 3, 1 exist"):
        book.delete(3, 2)
