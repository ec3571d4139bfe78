"""PDs of the models against those the simulator planted, which no model ever reads."""

import datetime as dt
import json

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.special import logit, rel_entr
from sklearn.metrics import log_loss

from comove.audit import open_run
from comove.connection import connect
from comove.landing import land
from comove.risk_model import train as training
from comove.risk_model.export import BORROWER_MONTHS, export_features, run_folder
from comove.risk_model.features import load_features
from comove.settings import Settings
from comove.simulation import simulate
from comove.warehouse import Part, build, build_part

BORROWERS, MONTHS, RUN_ID = 4_000, 30, "planted"
BANDS = (0.0, 0.9, 0.97, 0.99, 1.0)
Floats = NDArray[np.float64]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def lender(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A simulated lender whose features are exported."""
    settings = Settings(
        portfolio="simulated", home=tmp_path_factory.mktemp("planted"), pd_max_rounds=100
    )
    simulate(settings, borrowers=BORROWERS, months=MONTHS)
    month = last_month(settings)
    open_run(settings, run_id=RUN_ID, dag_id="risk_model", month=month)
    land(settings, run_id=RUN_ID)
    build(settings, run_id=RUN_ID, month=month)
    build_part(Part.FEATURES, settings, run_id=RUN_ID, month=month)
    export_features(settings, run_id=RUN_ID, month=month)
    return settings


@pytest.fixture(scope="module")
def compared(lender: Settings) -> pd.DataFrame:
    """Out-of-sample PD and planted PD of each borrower-month."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "_promotions", lambda _settings: ())
        training.train(
            lender,
            run_id=RUN_ID,
            month=last_month(lender),
            tell=lambda _sentence: None,
        )
    return with_planted(lender, "predictions.parquet")


def last_month(settings: Settings) -> dt.date:
    """Last month of the window, as the simulator's record says."""
    told = json.loads((settings.places.root / "simulation.json").read_text())
    return dt.date.fromisoformat(told["last_month"])


def with_planted(settings: Settings, name: str) -> pd.DataFrame:
    """Borrower-months of a run's file, each with the PD its event was drawn with."""
    file = run_folder(settings, RUN_ID) / name
    truth = settings.places.truth
    with connect(settings, read_only=True) as connection:
        return connection.execute(
            f"""
            select months.* replace (months.is_event::double as is_event),
                planted.pd as planted, people.is_linked
            from read_parquet('{file}') as months
            inner join raw.base_contract__borrowers as borrowers
                on months.borrower_key = borrowers.borrower_key
                and borrowers._status = 'accepted'
            inner join read_parquet('{truth}/borrower_month/*.parquet') as planted
                on borrowers.borrower_id = planted.borrower_id
                and months.month = planted.month
            inner join read_parquet('{truth}/borrower/*.parquet') as people
                on borrowers.borrower_id = people.borrower_id
            where months.is_event is not null
            """
        ).df()


def test_no_feature_tells_more_than_the_planted_pd(lender: Settings) -> None:
    """Score tests of each feature beside that PD: its value, and whether there is any.

    A feature that knows the event has a large score: contacts had 22 when the simulator's
    collectors still called those who would fall, and all features together 5.3 instead of
    1. The months' level is taken out, and with it the national factor, and so are the
    borrowers of the contagion episode, which the planted PD does not know either.
    """
    rows = with_planted(lender, BORROWER_MONTHS)
    rows = rows[(rows["planted"] > 0.005) & ~rows["is_linked"]]
    scores = pd.Series(
        {
            f"{feature.name} {kind}": score_test(rows, values)
            for feature in load_features("pd")
            if feature.kind == "number"
            for kind, values in readings(rows[feature.name].to_numpy(float))
        }
    )
    assert len(scores) > 60
    assert scores.abs().max() < 4.5, scores.abs().nlargest(5)
    assert np.sqrt((scores**2).mean()) < 1.6


def readings(values: Floats) -> list[tuple[str, Floats]]:
    """The value, whether it is positive, whether it is missing; none that is constant."""
    if np.isnan(values).all():
        return []
    found = {
        "value": np.where(np.isnan(values), np.nanmean(values), values),
        "positive": (np.nan_to_num(values) > 0).astype(float),
        "missing": np.isnan(values).astype(float),
    }
    return [(kind, read) for kind, read in found.items() if np.ptp(read) > 0]


def score_test(rows: pd.DataFrame, values: Floats) -> float:
    """Rao's score statistic of a variable added to a logit of the planted PD."""
    of_month = rows.groupby("month")[["is_event", "planted"]].transform("sum")
    level = of_month["is_event"] / of_month["planted"]
    p = (rows["planted"] * level).clip(0, 0.95).to_numpy(float)
    known = np.column_stack([np.ones(len(p)), logit(rows["planted"])])
    weight = p * (1 - p)
    weighted = known * weight[:, None]
    rest = values - known @ np.linalg.solve(weighted.T @ known, weighted.T @ values)
    score = np.sum((rows["is_event"].to_numpy() - p) * rest)
    return float(score / np.sqrt(np.sum(weight * rest**2)))


def test_every_prediction_has_a_planted_pd(compared: pd.DataFrame) -> None:
    assert len(compared) > 5 * BORROWERS
    assert compared["is_event"].sum() > 100


def test_log_odds_follow_the_planted_ones(compared: pd.DataFrame) -> None:
    """0.84 when this was written, of 283 events in 24,501 borrower-months."""
    found = np.corrcoef(logit(compared["pd"]), logit(compared["planted"]))[0, 1]
    assert found > 0.8


def test_each_band_has_the_mean_of_its_planted_pd(compared: pd.DataFrame) -> None:
    """Within a third.

    Bands are of our PD, so this is calibration against the truth without the noise of
    events; the level of the months, which the factor moves, is not in the planted PD but
    in the events that models learn from.
    """
    band = pd.cut(compared["pd"].rank(pct=True), BANDS)
    means = compared.groupby(band, observed=True)[["pd", "planted"]].mean()
    upper = means.iloc[1:]
    assert np.abs(np.log(upper["pd"] / upper["planted"])).max() < np.log(4 / 3)


def test_most_of_what_the_planted_pd_knows_is_learned(compared: pd.DataFrame) -> None:
    """Of the log loss between no model and the planted PD: 0.81 of it then."""
    y = compared["is_event"]
    flat = np.full(len(y), y.mean())
    none, own, planted = (
        log_loss(y, p) for p in (flat, compared["pd"], compared["planted"])
    )
    assert (none - own) / (none - planted) > 0.7


def test_no_model_is_better_than_the_planted_pd(compared: pd.DataFrame) -> None:
    """Beyond sampling error, two standard errors of the mean difference.

    It was 6.5 standard errors worse then.
    """
    y = compared["is_event"]
    own, planted = (
        -np.log(np.where(y == 1, compared[name], 1 - compared[name]))
        for name in ("pd", "planted")
    )
    difference = own - planted
    error = difference.std() / np.sqrt(len(y))
    assert difference.mean() > -2 * error


def test_little_is_lost_against_events_drawn_from_the_planted_pd(
    compared: pd.DataFrame,
) -> None:
    """The mean over all such draws: a relative entropy, free of the chance in events."""
    planted, own = compared["planted"].to_numpy(float), compared["pd"].to_numpy()
    flat = np.full(len(planted), planted.mean())
    assert lost(planted, own) < 0.3 * lost(planted, flat)


def lost(planted: Floats, p: Floats) -> float:
    """Log loss of p beyond that of the planted PD, on average over events."""
    return float(np.mean(rel_entr(planted, p) + rel_entr(1 - planted, 1 - p)))
