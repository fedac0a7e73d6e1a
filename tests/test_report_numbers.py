"""Numbers on the report: written so that they can be read, and never missing without a reason."""

import pytest

from analysis.plain import UNDEFINED
from analysis.report.blocks import Cell, make_table, write_details_csv
from analysis.report.wording import begin_sentence, give_reason, write_sd


@pytest.mark.parametrize(
    ("sd", "measure", "text"),
    [
        (0.000341, "accuracy", "0.034 percentage points"),
        (0.00002, "refusal_rate", "0.0020 percentage points"),
        (0.154, "accuracy", "15.4 percentage points"),
        (0.0041, "mean_answer", "0.0041 points"),
        (1.2345, "mean_answer", "1.23 points"),
        (0.00052, "bias_score", "0.00052"),
        (0.0, "accuracy", "0.0 percentage points"),
        (1e-17, "accuracy", "0.0 percentage points"),
    ],
)
def test_a_small_standard_deviation_has_two_digits_to_read(
    sd: float, measure: str, text: str
) -> None:
    assert write_sd(sd, measure) == text


def test_parts_of_a_variance_have_a_digit_more_than_scores() -> None:
    assert write_sd(0.3923, "accuracy", unit=False, more=1) == "39.23"
    assert write_sd(0.00004, "accuracy", unit=False, more=1) == "0.0040"


def test_a_sentence_begins_with_a_capital_and_keeps_the_others() -> None:
    assert begin_sentence("not defined: the LLMs differ") == "Not defined: the LLMs differ"
    assert begin_sentence("") == ""


def test_a_value_that_is_not_defined_without_a_reason_is_refused() -> None:
    records = [{"llm": "lion", "score": 0.5}, {"llm": "tiger", "score": None}]

    with pytest.raises(ValueError, match=r"'cats': score is not defined and has no reason"):
        make_table("cats", "Cats", records, writers={"score": str})


def test_a_reason_is_told_below_the_table_and_in_its_csv() -> None:
    records = [{"llm": "tiger", "score": give_reason(None, "it was not asked")}]

    table = make_table("cats", "Cats", records, writers={"score": str})

    assert table.undefined == ["Score: not defined where it was not asked."]
    assert write_details_csv(table).splitlines()[1] == "tiger,,score: it was not asked"
    assert give_reason(0.0, "") == 0.0
    assert give_reason(None, "why") == {UNDEFINED: "why"}


def test_a_cell_that_was_made_already_stands_as_it_is() -> None:
    records = [{"llm": "lion", "score": Cell("0.034 percentage points", 0.00034)}]

    table = make_table("cats", "Cats", records, writers={"score": str})

    assert table.rows[0][1].text == "0.034 percentage points"
    assert write_details_csv(table).splitlines()[1] == "lion,0.00034,"
