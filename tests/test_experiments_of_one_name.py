"""Two experiments of one name: both are kept, and each is found by its spec hash."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from planted import MISSING, answer_all, answer_plausibly, plan_questions
from sqlalchemy import Engine, text

from analysis.export import export_parquet
from analysis.jobs import publish_if_last
from analysis.publish import name_folder, name_link, publish_report
from models.coverage import StoredExperiment, find_experiment
from models.errors import FarmError, IncompleteError, UnknownNameError
from models.settings import Settings


@pytest.fixture
def own(tmp_path: Path) -> Settings:
    """Settings with a home of this test's own."""
    return Settings(_env_file=None, home=tmp_path / "home")


def find(engine: Engine, asked: str) -> StoredExperiment:
    with engine.connect() as connection:
        return find_experiment(connection, asked)


def plan_version(engine: Engine, folder: Path, n_items: int) -> StoredExperiment:
    """The experiment "planted" with so many items, answered."""
    stored = plan_questions(engine, folder, n_items=n_items)
    answer_all(engine, stored.experiment, answer_plausibly)
    return find(engine, "planted")


def read_spec_hash(folder: Path) -> str:
    numbers: dict[str, Any] = json.loads((folder / "numbers.json").read_text())
    return str(numbers["provenance"]["spec_hash"])


def set_spec_hash(engine: Engine, experiment: StoredExperiment, spec_hash: str) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE experiment SET spec_hash = :hash WHERE id = :id"),
            {"hash": spec_hash, "id": experiment.id},
        )


def test_a_name_is_the_newest_and_a_prefix_of_the_hash_any(engine: Engine, tmp_path: Path) -> None:
    first = plan_version(engine, tmp_path, 3)
    second = plan_version(engine, tmp_path, 4)

    found = [
        find(engine, asked).id
        for asked in (
            "planted",
            f"planted@{first.spec_hash[:8].upper()}",
            f"planted@{second.spec_hash}",
        )
    ]

    assert found == [second.id, first.id, second.id]


def test_a_name_that_holds_an_at_sign_is_a_name(engine: Engine, tmp_path: Path) -> None:
    plan_questions(engine, tmp_path, n_items=2, name="planted@abcd")

    assert find(engine, "planted@abcd").name == "planted@abcd"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("planted@abc", "at least 4 hex digits"),
        ("planted@", "at least 4 hex digits"),
        ("planted@ab%d", "at least 4 hex digits"),
        ("planted@ffff", "begins with 'ffff'; planned: planted@abcdef12, planted@abcd0000"),
        ("planted@abcd", "fits 2 experiments; give more digits"),
        ("plantd@abcd", "did you mean 'planted'?"),
    ],
)
def test_a_prefix_that_fits_none_or_several_is_one_clear_line(
    engine: Engine, tmp_path: Path, asked: str, said: str
) -> None:
    set_spec_hash(engine, plan_version(engine, tmp_path, 3), "abcd0000" + "0" * 56)
    set_spec_hash(engine, plan_version(engine, tmp_path, 4), "abcdef12" + "0" * 56)

    with pytest.raises(FarmError) as raised:
        find(engine, asked)

    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
    assert isinstance(raised.value, UnknownNameError) == (asked == "plantd@abcd")


def test_a_second_experiment_of_a_name_leaves_the_firsts_report(
    engine: Engine, own: Settings, tmp_path: Path
) -> None:
    first = plan_version(engine, tmp_path, 3)
    publish_report(engine, own, first)
    second = plan_version(engine, tmp_path, 4)

    published = publish_report(engine, own, second)

    assert published.page == own.home / "reports" / "planted" / "report.html"
    assert read_spec_hash(name_link(own, "planted")) == second.spec_hash
    assert read_spec_hash(name_folder(own, first)) == first.spec_hash
    assert read_spec_hash(name_folder(own, second)) == second.spec_hash


def test_an_older_experiment_that_ends_later_gets_its_report_beside(
    engine: Engine, own: Settings, tmp_path: Path
) -> None:
    first = plan_version(engine, tmp_path, 3)
    second = plan_version(engine, tmp_path, 4)
    publish_if_last(engine, own, second.id)

    was_written = publish_if_last(engine, own, first.id)

    assert was_written
    assert read_spec_hash(name_folder(own, first)) == first.spec_hash
    assert read_spec_hash(name_link(own, "planted")) == second.spec_hash


def test_the_name_follows_what_was_asked_for_last(
    engine: Engine, own: Settings, tmp_path: Path
) -> None:
    first = plan_version(engine, tmp_path, 3)
    publish_report(engine, own, first)
    publish_report(engine, own, plan_version(engine, tmp_path, 4))
    plan_questions(engine, tmp_path, n_items=3)  # the first one's file again

    published = publish_report(engine, own, first)

    assert published.was_current
    assert read_spec_hash(name_link(own, "planted")) == first.spec_hash


def refuse_links(self: Path, target: Any, target_is_directory: bool = False) -> None:
    raise OSError("no links on this file system")


@pytest.mark.parametrize("links", [True, False], ids=["links", "copies"])
def test_a_folder_where_the_name_should_be_gives_way(
    engine: Engine,
    own: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    links: bool,
) -> None:
    if not links:
        monkeypatch.setattr(Path, "symlink_to", refuse_links)
    link = name_link(own, "planted")
    link.mkdir(parents=True)
    (link / "half a report").touch()
    first = plan_version(engine, tmp_path, 3)
    publish_report(engine, own, first)
    second = plan_version(engine, tmp_path, 4)

    publish_report(engine, own, second)
    again = publish_report(engine, own, second)

    assert again.was_current
    assert link.is_symlink() == links
    assert read_spec_hash(link) == second.spec_hash
    assert not (link / "half a report").exists()
    assert read_spec_hash(name_folder(own, first)) == first.spec_hash
    kept = sorted(path.name for path in link.parent.iterdir())
    assert kept == sorted([link.name, *(name_folder(own, each).name for each in (first, second))])


def test_names_that_differ_in_punctuation_alone_keep_their_reports(
    engine: Engine, own: Settings, tmp_path: Path
) -> None:
    names = ("my study", "my-study", "my study.")
    for name in names:
        stored = plan_questions(engine, tmp_path, n_items=2, name=name)
        answer_all(engine, stored.experiment, answer_plausibly)

    pages = [publish_report(engine, own, find(engine, name)).page for name in names]

    for name, page in zip(names, pages, strict=True):
        assert read_spec_hash(page.parent) == find(engine, name).spec_hash
    assert pages[1] == own.home / "reports" / "my-study" / "report.html"


@pytest.mark.parametrize("name", ["..", "a@b", "a b", "/etc/passwd", "..\\a", "日本 語", " "])
def test_a_name_that_is_no_plain_folder_is_found_in_one_of_its_own(
    own: Settings, name: str
) -> None:
    link = name_link(own, name)

    plain = link.name.partition("~")[0]
    assert link.parent == own.home / "reports"
    assert plain not in (name, "", ".", "..")
    assert "@" not in link.name
    assert link != name_link(own, plain)  # which may be another experiment's name


def test_an_older_experiment_with_gaps_is_refused_by_its_own_name(
    engine: Engine, own: Settings, tmp_path: Path
) -> None:
    stored = plan_questions(engine, tmp_path, n_items=3)
    answer_all(engine, stored.experiment, lambda _: MISSING)
    first = find(engine, "planted")
    plan_version(engine, tmp_path, 4)

    with pytest.raises(IncompleteError) as raised:
        publish_report(engine, own, first)

    address = f"planted@{first.spec_hash[:8]}"
    assert f"persona-analyze --experiment {address} --partial" in str(raised.value)
    assert "persona-schedule" not in str(raised.value)  # it would send the newest


def test_exports_of_two_versions_do_not_overwrite_each_other(
    engine: Engine, tmp_path: Path
) -> None:
    first = plan_version(engine, tmp_path, 3)
    plan_version(engine, tmp_path, 4)
    export: Callable[[str], Any] = lambda asked: export_parquet(engine, asked, tmp_path / "out")  # noqa: E731

    older, newer = export(f"planted@{first.spec_hash[:6]}"), export("planted")

    assert (older.generations, newer.generations) == (19 * 3, 19 * 4)
    assert set(older.files).isdisjoint(newer.files)
