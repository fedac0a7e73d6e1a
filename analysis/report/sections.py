"""From evidence to sections: one per data set, measure and LLM, in the order they are shown."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from analysis.evidence import Evidence
from analysis.plain import UNDEFINED
from analysis.report.addresses import address_words, make_slug
from analysis.report.definitions import DEFINITIONS
from analysis.report.wording import is_undefined
from analysis.statistics.scorings import Scoring
from models.coverage import SliceProgress

ROUNDING = 1e-12  # a variance nearer to 0 than this is 0


@dataclass(frozen=True, slots=True)
class Section:
    """One measure of one slice."""

    progress: SliceProgress
    kind: str
    measure: dict[str, Any]  # `analysis.measures.Measure`, plain
    settings: list[dict[str, str]]  # label, category, role, statement; the columns' order
    repeats: int
    address: str = ""  # its slug among the sections of a report

    @property
    def name(self) -> str:
        """What is measured: "accuracy" or "mean_answer"."""
        return str(self.measure["name"])

    @property
    def title(self) -> str:
        """ "Accuracy", "Mean answer, tidiness"."""
        of = self.measure["of"]
        title = DEFINITIONS[self.name].title
        return f"{title}, {of}" if of else title

    @property
    def slug(self) -> str:
        """A name for files and anchors."""
        return self.address or make_slug(*self.words)

    @property
    def words(self) -> tuple[str, ...]:
        """What it is called after."""
        part = self.progress
        return (part.llm, part.dataset, part.template, self.name, self.measure["of"])

    @property
    def columns(self) -> dict[str, list[Any]]:
        """Numbers per setting."""
        return dict(self.measure["per_setting"])

    @property
    def gap(self) -> Any:
        """Best minus worst persona (`analysis.statistics.spread.Gap`), or why it is not defined."""
        return self.measure["gap"]

    def find_reason(self, column: str) -> str:
        """Why a number of this column is not defined."""
        return str(self.measure["reasons"].get(column, ""))

    @property
    def numbers(self) -> dict[str, Any]:
        """The numbers over all settings, by their names in the definitions."""
        measure = self.measure
        tests = measure["omnibus"][0]
        spread, spread_test = measure["spread"], measure["brown_forsythe"]
        found: dict[str, Any] = {
            "chance": measure["chance"],
            "control_mean": measure["control_mean"],
            "persona_mean": measure["persona_mean"],
            "gap": _pick(measure["gap"], "value"),
            "permutation_p": _pick(tests["permutation"], "p"),
            "paper_p": self._find_paper_p(),
        }
        if tests["cochran"] is not None:
            found |= {
                "cochran_q": _pick(tests["cochran"], "statistic"),
                "cochran_p": _pick(tests["cochran"], "p"),
                "cochran_log10_p": _pick(tests["cochran"], "log10_p"),
                "kendalls_w": _pick(tests["cochran"], "kendalls_w"),
            }
        if tests["friedman"] is not None:
            found |= {
                "friedman_chi2": _pick(tests["friedman"], "statistic"),
                "friedman_p": _pick(tests["friedman"], "p"),
                "friedman_log10_p": _pick(tests["friedman"], "log10_p"),
                "kendalls_w": _pick(tests["friedman"], "kendalls_w"),
            }
        if "truth" in measure["details"]:
            found["truth"] = measure["details"]["truth"]
        if "questionnaire" in measure["details"]:
            found |= _describe_wordings(measure["details"]["questionnaire"])
        found |= _count_contrasts(measure["contrasts"]["controls"])
        for group in ("persona", "control"):
            variance = _pick(_pick(spread, f"{group}s"), "variance")
            found[f"{group}_variance"] = variance
            found[f"{group}_sd"] = _take_root(variance)
        return {
            **found,
            "spread_ratio": _pick(_pick(spread, "ratio"), "value"),
            "brown_forsythe": _find_statistic(spread_test),
            "brown_forsythe_p": _pick(spread_test, "p"),
        }

    def _find_paper_p(self) -> Any:
        """p of the paper's test on answers scored as the paper does, where the two are told apart.

        Refusals are scored in one way only.
        """
        every = self.measure["omnibus"]
        tests = next((each for each in every if each["scoring"] == Scoring.PAPER), every[0])
        return _pick(tests["friedman"] if tests["cochran"] is None else tests["cochran"], "p")

    @property
    def intervals(self) -> dict[str, tuple[float | None, float | None]]:
        """Ends of the intervals of ``numbers``, None where unbounded."""
        ratio = _pick(self.measure["spread"], "ratio")
        return {} if is_undefined(ratio) else {"spread_ratio": (ratio["low"], ratio["high"])}


def _pick(value: Any, key: str) -> Any:
    """A field of a record, or the record itself where it is undefined."""
    return value if is_undefined(value) else value[key]


def _find_statistic(test: Any) -> Any:
    """Brown and Forsythe's F, which can be infinite."""
    found = _pick(test, "statistic")
    return {UNDEFINED: "no distance varies within its group"} if found is None else found


def _describe_wordings(questionnaire: dict[str, Any]) -> dict[str, Any]:
    """Reliability of a questionnaire, and what its wordings change."""
    return {
        "cronbach_alpha": questionnaire["cronbach_alpha"],
        "n_alpha_statements": questionnaire["n_alpha_statements"],
        **{
            f"{group}_{name}": questionnaire[name][f"{group}s"]
            for name in ("wording_sd", "wording_sd_paper", "unreversed")
            for group in ("persona", "control")
        },
        **{
            f"{group}_wording_left_out": questionnaire["left_out"]["wording_sd"][f"{group}s"]
            for group in ("persona", "control")
        },
    }


def _count_contrasts(contrasts: Any) -> dict[str, Any]:
    """How many personas differ from the controls, and how small a difference would be found."""
    main = _pick(contrasts, "main")
    return {
        "n_significant": _pick(contrasts, "n_significant"),
        **{f"n_{key}": _pick(main, key) for key in ("different", "equivalent", "undecided")},
        "margin": _pick(main, "delta"),
        "median_smallest_effect": _pick(_pick(contrasts, "smallest"), "median"),
    }


def _take_root(variance: Any) -> Any:
    if is_undefined(variance):
        return variance
    if variance < -ROUNDING:
        return {UNDEFINED: "V is negative: less than item noise"}
    return max(variance, 0.0) ** 0.5


def list_sections(evidence: Evidence) -> list[Section]:
    """Every measure of every slice: by data set, then measure, then LLM and template."""
    parts = {part.slice: part for part in evidence.coverage.parts}
    datasets = list(dict.fromkeys(part.dataset for part in evidence.coverage.parts))
    found: dict[tuple[int, int, int], list[Section]] = {}
    for slice_id, part in parts.items():
        for at, section in enumerate(_split_slice(part, evidence.results[slice_id])):
            found.setdefault((datasets.index(part.dataset), at, slice_id), []).append(section)
    ordered = [section for key in sorted(found) for section in found[key]]
    addresses = address_words([section.words for section in ordered])
    return [replace(each, address=slug) for each, slug in zip(ordered, addresses, strict=True)]


def _split_slice(progress: SliceProgress, result: dict[str, Any]) -> Iterator[Section]:
    for part in result["parts"]:
        for measure in part["measures"]:
            yield Section(progress, part["kind"], measure, result["settings"], result["repeats"])
    for measure in result["refusals"]:
        yield Section(progress, "refusals", measure, result["settings"], result["repeats"])
