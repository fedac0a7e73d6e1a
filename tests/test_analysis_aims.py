"""Margins and claims of an experiment's file: what they change, and what they do not."""

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from planted import Cell, answer_all, answer_plausibly, plan_questions
from report_folder import Report
from sqlalchemy import Engine, text

from analysis.analyse import analyse_slice
from analysis.measures import Draws
from analysis.named_claims import adjust_claims, check_claim, turn_p
from analysis.publish import publish_report
from analysis.statistics import Undefined
from analysis.statistics.sign_flips import flip_signs
from models.aims import Aims, Direction, Margins, NamedClaim
from models.coverage import find_experiment
from models.errors import ConfigError, UnknownNameError
from models.settings import Settings
from scheduler.experiments import load_experiment

QUICK = Draws(n_resamples=200, n_permutations=999)
FILE = 'llms = ["scripted"]\ndatasets = ["truthfulqa"]\n[[personas]]\nset = "control"\n'
READER, TOWN = "a reader of book 1", "a person of town 1"


def write_claim(persona: str, direction: str, **more: str) -> str:
    rows = {"persona": persona, "measure": "accuracy", "direction": direction, **more}
    return "[[claims]]\n" + "".join(f'{key} = "{value}"\n' for key, value in rows.items())


def answer_by_skill(cell: Cell) -> str:
    """Readers know everything, towns nothing, everybody else every other answer."""
    is_right = {"reader": True, "town": False}.get(cell.category, cell.index % 2 == 0)
    return cell.right if is_right else cell.wrong


def count_cells(engine: Engine) -> tuple[int, int, int]:
    with engine.connect() as connection:
        counts = [
            connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()  # noqa: S608
            for table in ("experiment", "slice", "chunk")
        ]
    return counts[0], counts[1], counts[2]


def make_result(
    p: float, difference: float, *, by_exchange: float | None = None, persona: str = READER
) -> dict[str, Any]:
    """A result of one data set with one measure of one persona, as far as claims read it."""
    column = {"difference": difference, "p_flip": p, "p_exchange": by_exchange}
    column["p_exchange_side"] = None if by_exchange is None else by_exchange / 2
    column |= {"band_low": difference - 0.1, "band_high": difference + 0.1}
    measure = {
        "name": "accuracy",
        "of": "",
        "per_setting": {key: [value] for key, value in column.items()},
        "reasons": {},
    }
    setting = {"label": persona, "role": "persona"}
    return {"settings": [setting], "parts": [{"measures": [measure]}], "refusals": []}


def test_margins_and_claims_make_another_experiment_of_the_same_cells(
    engine: Engine, tmp_path: Path
) -> None:
    plain = plan_questions(engine, tmp_path)
    before = count_cells(engine)

    wide = plan_questions(engine, tmp_path, settings="margins = {accuracy = 0.3}")
    as_before = plan_questions(engine, tmp_path, settings="margins = {accuracy = 0.01}")

    assert count_cells(engine) == (before[0] + 1, *before[1:])
    assert wide.experiment != plain.experiment == as_before.experiment
    assert [part.id for part in wide.slices] == [part.id for part in plain.slices]


def test_verdicts_go_by_the_margin_of_the_file(engine: Engine, tmp_path: Path) -> None:
    plain = plan_questions(engine, tmp_path)
    wide = plan_questions(engine, tmp_path, settings="margins = {accuracy = 0.9}")
    answer_all(engine, plain.experiment, answer_plausibly)

    found = [
        analyse_slice(engine, each.experiment, each.slices[0].id, draws=QUICK)
        for each in (plain, wide)
    ]

    (narrow, _), (broad, _) = (
        (m["contrasts"]["controls"]["main"], m["per_setting"]["difference"])
        for result in found
        for m in result["parts"][0]["measures"]
    )
    assert (narrow["delta"], broad["delta"]) == (0.01, 0.9)
    assert narrow["equivalent"] == 0
    assert broad["equivalent"] == 12
    differences = [result["parts"][0]["measures"][0]["per_setting"]["score"] for result in found]
    assert differences[0] == differences[1]


def test_claims_of_the_file_are_judged_on_the_overview(engine: Engine, tmp_path: Path) -> None:
    claims = write_claim(READER, "higher") + write_claim(TOWN, "higher")
    stored = plan_questions(engine, tmp_path, n_items=24, settings=claims)
    answer_all(engine, stored.experiment, answer_by_skill)
    with engine.connect() as connection:
        experiment = find_experiment(connection, "planted")

    settings = Settings(_env_file=None, home=tmp_path / "home")
    report = Report(publish_report(engine, settings, experiment).page.parent)

    (llm,) = report.numbers["blocks"]["named-claims"]["numbers"]["llms"]
    assert [claim["verdict"] for claim in llm["claims"]] == ["borne out", "contradicted"]
    assert llm["claims"][0]["difference"] == pytest.approx(0.5)
    assert llm["claims"][0]["p_holm"] == pytest.approx(2 * llm["claims"][0]["p"])
    assert "Claims named in advance" in report.page


def test_a_direction_halves_p_on_its_own_side_alone() -> None:
    assert turn_p(0.04, 0.2, Direction.HIGHER) == 0.02
    assert turn_p(0.04, 0.2, Direction.LOWER) == 0.98
    assert turn_p(0.04, -0.2, Direction.DIFFERENT) == 0.04


@pytest.mark.parametrize("n_flips", [99, 999])
def test_a_direction_makes_no_p_that_so_few_flips_cannot_show(n_flips: int) -> None:
    claim = NamedClaim(persona=READER, measure="accuracy", direction=Direction.HIGHER)
    floor = 1 / (1 + n_flips)
    result = make_result(floor, 0.3) | {"made_with": {"n_permutations": n_flips}}

    (tested,) = check_claim(claim, {"sums": result})

    assert tested.p == floor
    assert turn_p(floor, -0.3, Direction.HIGHER, n_flips=n_flips) == 1 - floor / 2
    assert turn_p(3 * floor, 0.3, Direction.HIGHER, n_flips=n_flips) == pytest.approx(1.5 * floor)


def test_a_claim_needs_both_the_signs_and_the_exchange() -> None:
    claim = NamedClaim(persona=READER, measure="accuracy", direction=Direction.HIGHER)

    (tested,) = check_claim(claim, {"sums": make_result(0.001, 0.3, by_exchange=0.3)})
    (other,) = check_claim(claim, {"sums": make_result(0.3, 0.3, by_exchange=0.001)})

    assert tested.p == other.p == 0.15


def test_one_sided_p_of_a_true_null_keep_their_level() -> None:
    rng = np.random.default_rng(2_407)
    v = rng.normal(size=(2_000, 12))
    p = flip_signs(v, np.zeros(12, np.intp), rng=rng, n_flips=199)

    turned = [
        turn_p(each, total, Direction.HIGHER, n_flips=199)
        for each, total in zip(p.tolist(), v.sum(axis=1).tolist(), strict=True)
    ]

    exact = [
        np.mean(np.array(list(product([-1, 1], repeat=12))) @ each >= each.sum() - 1e-12)
        for each in v[:20]
    ]
    assert 0.04 < np.mean(np.array(turned) <= 0.05) < 0.06
    np.testing.assert_allclose(turned[:20], exact, atol=0.09)


def test_holm_adjusts_over_all_claims_that_can_be_tested() -> None:
    claim = NamedClaim(persona=READER, measure="accuracy")
    absent = NamedClaim(persona="a ghost", measure="accuracy")
    results = {f"set {n}": make_result(p, 0.3) for n, p in enumerate((0.01, 0.04, 0.02))}

    tested = adjust_claims([*check_claim(claim, results), *check_claim(absent, results)])

    adjusted = [each.p_holm for each in tested]
    assert adjusted[:3] == pytest.approx([0.03, 0.04, 0.04])
    assert isinstance(adjusted[3], Undefined)
    assert [each.verdict for each in tested] == ["borne out"] * 3 + ["not testable"]


def test_claims_of_a_true_null_are_borne_out_no_more_often_than_stated() -> None:
    rng = np.random.default_rng(2_407)
    claim = NamedClaim(persona=READER, measure="accuracy", direction=Direction.HIGHER)
    wrong = []
    for _ in range(600):
        drawn = zip(rng.random(4), rng.choice([-0.1, 0.1], 4), strict=True)
        results = {f"set {n}": make_result(p, d) for n, (p, d) in enumerate(drawn)}
        tested = adjust_claims(list(check_claim(claim, results)))
        wrong.append(any(each.verdict == "borne out" for each in tested))

    assert 0.03 < np.mean(wrong) < 0.075


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("[margins]\naccurracy = 0.1", "accurracy"),
        ('[[claims]]\npersona = "a ghost"\nmeasure = "accuracy"', "a ghost"),
        ('[[claims]]\npersona = "x"\nmeasure = "accuracy"\ndataset = "mmlu"', "'mmlu'"),
        ('[[claims]]\npersona = "a ghost"\nmeasure = "accuracy"\nsize = "huge"', "size"),
    ],
)
def test_what_nobody_knows_is_refused_with_what_is_known(
    tmp_path: Path, more: str, words: str
) -> None:
    (tmp_path / "study.toml").write_text(FILE + more)

    with pytest.raises(UnknownNameError, match=words):
        load_experiment(str(tmp_path / "study.toml")).choose_personas()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("[margins]\naccuracy = 0", "above 0"),
        ('[[claims]]\npersona = "x"\nmeasure = "speed"', "measure"),
    ],
)
def test_a_margin_or_claim_that_cannot_be_is_the_users_mistake(
    tmp_path: Path, more: str, words: str
) -> None:
    (tmp_path / "study.toml").write_text(FILE + more)

    with pytest.raises(ConfigError, match=words):
        load_experiment(str(tmp_path / "study.toml"))


def test_a_spec_stores_what_differs_from_the_defaults_and_is_read_back() -> None:
    aims = Aims(
        margins=Margins(accuracy=0.02), claims=(NamedClaim(persona=READER, measure="accuracy"),)
    )

    assert Aims().describe() == {}
    assert aims.describe()["margins"] == {"accuracy": 0.02}
    assert Aims.of_spec({"name": "x", **aims.describe()}) == aims
    assert Aims.of_spec({}).margins.find("mean_answer") == 0.1
