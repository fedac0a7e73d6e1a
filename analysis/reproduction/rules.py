"""How verdicts are decided, in words: every tolerance of the checks, from where they have it."""

from analysis.printed_tables import DIGITS
from analysis.reproduction.item_checks import UNIFORM_PP, ZERO
from analysis.reproduction.people_checks import MODERATE, SAME_SIGN
from analysis.reproduction.printed_checks import SIGNIFICANT
from analysis.reproduction.rank_claims import N_CONTROLS
from analysis.reproduction.score_checks import CUT_PP, GAP_PP, RANK_DIGITS
from analysis.statistics.consistency import CONSISTENT_ABOVE


def write_rules() -> str:
    """Every tolerance that a check has."""
    low, high = MODERATE
    return (
        "What is counted, named or ordered has to be exactly as stated: counts, ranks in the table "
        "of scores, who is best and worst, which categories are flagged (a mean tau above "
        f"{CONSISTENT_ABOVE:g}), and orders, in which a tie is an exception; “in six LLMs” is in "
        f"six or more. A gap may be off by {GAP_PP:g} percentage points, half of its last printed "
        f"digit, and by {CUT_PP:g} more for the cut digits of the scores. A printed mean rank is "
        "possible if it is from "
        f"{RANK_DIGITS:g} below ours to {N_CONTROLS} plus {RANK_DIGITS:g} above it, a best rank "
        f"from 0 to {N_CONTROLS} above ours. Printed means of Tables 8 and 9 may be off by "
        f"{DIGITS:g}; a printed p is significant below {SIGNIFICANT:g}. “About equally often” is "
        f"within {UNIFORM_PP:g} percentage points of equal shares. A bias of 0 is one nearer to it "
        f"than {ZERO:g}, and a share of unknown answers as near to the stated one. Of part of a "
        "data set shares, counts and means leave open what they are in all of it. A “moderate” "
        f"correlation is of size {low:g} up to, not including, {high:g}; of other correlations the "
        "sign alone is compared. A wrong sign or size is not reproduced; where they are right and "
        f"a 95% interval has 0 in it, the claim is not checkable: “{SAME_SIGN}”."
    )
