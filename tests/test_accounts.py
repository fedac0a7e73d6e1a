"""Accounts: whose money a slice takes, what tokens cost, how amounts are shown."""

from decimal import Decimal
from pathlib import Path

import pytest
from factories import Planned, plan
from paid_accounts import PRICE, give_money
from sqlalchemy import Engine

from models.accounts import Account, find_payer, format_usd, price_tokens
from models.tables import ApiMode


def test_the_experiment_that_was_asked_for_last_pays(engine: Engine, tmp_path: Path) -> None:
    first = plan(engine, tmp_path / "first", llms=["gpt-6-luna"])
    second = plan(engine, tmp_path / "second", llms=["gpt-6-luna"], extra='title = "another"')
    slice_id = first.stored.slices[0].id
    give_money(engine, first, "1")
    before = find(engine, slice_id)
    give_money(engine, second, "2")
    after = find(engine, slice_id)
    plan(engine, tmp_path / "first", llms=["gpt-6-luna"])  # again: somebody wants it now
    again = find(engine, slice_id)

    assert second.stored.slices[0].id == slice_id
    assert [each.experiment for each in (before, after, again)] == [
        first.stored.experiment,
        second.stored.experiment,
        first.stored.experiment,
    ]


def find(engine: Engine, slice_id: int) -> Account:
    with engine.connect() as connection:
        found = find_payer(connection, slice_id)
    assert found is not None
    return found


def test_nobody_pays_for_a_slice_without_an_account(engine: Engine, paid_plan: Planned) -> None:
    with engine.connect() as connection:
        assert find_payer(connection, paid_plan.stored.slices[0].id) is None


def test_a_batch_costs_half() -> None:
    live, batch = (
        price_tokens(PRICE, prompt_tokens=1_000_000, new_tokens=1_000_000, api_mode=mode)
        for mode in ApiMode
    )

    assert (live, batch) == (Decimal("0.6"), Decimal("0.3"))


@pytest.mark.parametrize(
    ("usd", "shown"),
    [
        (0, "$0.00"),
        ("12.304", "$12.30"),
        ("0.5", "$0.50"),
        ("0.00423", "$0.0042"),
        (1234, "$1,234.00"),
    ],
)
def test_amounts_are_shown_to_the_cent_or_finer(usd: str | int, shown: str) -> None:
    assert format_usd(Decimal(usd)) == shown
