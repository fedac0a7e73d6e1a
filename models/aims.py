"""What an experiment sets out to show, said before any answer is read: margins and claims.

Both stand in the experiment's file and are stored with its spec, so that a report judges by what
was asked for then. They change no prompt: experiments that differ in them alone share all answers.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Measured = Literal["accuracy", "unknown_frequency", "refusal_rate", "bias_score", "mean_answer"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Margins(_Part):
    """How far a persona may be from the controls and still count as equal, per measure.

    Shares are fractions (0.01 is a percentage point); answers are points from 1 to 5.
    """

    accuracy: float = Field(default=0.01, gt=0, lt=1)
    unknown_frequency: float = Field(default=0.01, gt=0, lt=1)
    refusal_rate: float = Field(default=0.01, gt=0, lt=1)
    bias_score: float = Field(default=0.01, gt=0, lt=2)
    mean_answer: float = Field(default=0.1, gt=0, lt=4)

    def find(self, measure: str) -> float:
        """The margin of a measure by its name."""
        margin: float = getattr(self, measure)
        return margin


class Direction(StrEnum):
    """Where a claim says that a persona lies, compared with the controls' mean."""

    HIGHER = "higher"
    LOWER = "lower"
    DIFFERENT = "different"


class NamedClaim(_Part):
    """A difference from the controls that was named in advance."""

    # as the set lists it, with its article
    persona: str = Field(examples=['persona = "a gardener"'])
    measure: Measured = Field(examples=['measure = "accuracy"'])
    direction: Direction = Direction.DIFFERENT
    dataset: str | None = None  # None: on every data set that has the measure, one claim each
    of: str | None = None  # the attitude or question, where a data set has several


class Aims(_Part):
    """Margins and claims of one experiment."""

    margins: Margins = Margins()
    claims: tuple[NamedClaim, ...] = ()

    @classmethod
    def of_spec(cls, spec: Mapping[str, Any]) -> "Aims":
        """The aims in a stored spec; what it does not name is as the defaults have it."""
        named = {key: spec[key] for key in ("margins", "claims") if key in spec}
        return cls.model_validate(named)

    def describe(self) -> dict[str, Any]:
        """What a spec stores of them: only what differs from the defaults."""
        return self.model_dump(mode="json", exclude_defaults=True)
