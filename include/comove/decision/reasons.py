"""Reasons of a decision that rests on the application score: the score's own words."""

import json
from collections.abc import Sequence
from typing import Any

# As the reasons call the feature `score_log_odds` of `decision_case`.
SCORE_WORDS = "risk by the application score"


def explained(reasons: Sequence[str], of_score: Any) -> tuple[str, ...]:
    """Put what the score says of an applicant where only the score is named.

    That the score is high explains nothing to who is refused.

    Parameters
    ----------
    reasons : sequence of str
        Of the admission model, the strongest first.
    of_score : str or missing
        Reasons of the application score, a JSON list of sentences.

    Returns
    -------
    tuple of str
        The same with the score's reasons in its place, each once; as they are where the
        score gave none.
    """
    said = json.loads(of_score) if isinstance(of_score, str) else []
    found: list[str] = []
    for reason in reasons:
        found += said if said and reason.startswith(f"{SCORE_WORDS}:") else [reason]
    return tuple(dict.fromkeys(found))
