"""PDs of the models against those the simulator planted, which no model ever reads."""

import datetime as dt
import json

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit
from scipy.stats import norm
from sklearn.metrics import log_loss

from comove.audit import open_run
from comove.connection import connect
from comove.landing import land
from comove.risk_model import train as training
from comove.risk_model.export import export_features, run_folder
from comove.settings import Settings
from comove.simulation import simulate
from comove.warehouse import build, build_features

BORROWERS, MONTHS, RUN_ID = 4_000, 30, "planted"
BANDS = (0.0, 0.9, 0.97, 0.99, 1.0)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Out-of-sample PD and planted PD of each borrower-month."""
    settings = Settings(
        portfolio="simulated", home=tmp_path_factory.mktemp("planted"), pd_max_rounds=100
    )
    simulate(settings, borrowers=BORROWERS, months=MONTHS)
    told = json.loads((settings.places.root / "simulation.json").read_text())
    month = dt.date.fromisoformat(told["last_month"])
    open_run(settings, run_id=RUN_ID, dag_id="risk_model", month=month)
    land(settings, run_id=RUN_ID)
    build(settings, run_id=RUN_ID, month=month)
    build_features(settings, run_id=RUN_ID, month=month)
    export_features(settings, run_id=RUN_ID, month=month)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "_promotions", lambda _settings: ())
        training.train(settings, run_id=RUN_ID, month=month, tell=lambda _sentence: None)
    file = run_folder(settings, RUN_ID) / "predictions.parquet"
    with connect(settings, read_only=True) as connection:
        return connection.execute(
            f"""
            select predictions.pd, truth.pd as planted, predictions.month,
                predictions.is_event::double as is_event
            from read_parquet('{file}') as predictions
            inner join raw.base_contract__borrowers as borrowers
                on predictions.borrower_key = borrowers.borrower_key
                and borrowers._status = 'accepted'
            inner join
                read_parquet('{settings.places.truth}/borrower_month/*.parquet') as truth
                on borrowers.borrower_id = truth.borrower_id
                and predictions.month = truth.month
            """
        ).df()


def test_every_prediction_has_a_planted_pd(compared: pd.DataFrame) -> None:
    assert len(compared) > 5 * BORROWERS
    assert compared["is_event"].sum() > 100


def test_log_odds_follow_the_planted_ones(compared: pd.DataFrame) -> None:
    found = np.corrcoef(logit(compared["pd"]), logit(compared["planted"]))[0, 1]
    assert found > 0.9


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
    """Of the log loss between no model and the planted PD, nine tenths are won."""
    y = compared["is_event"]
    flat = np.full(len(y), y.mean())
    none, own, planted = (
        log_loss(y, p) for p in (flat, compared["pd"], compared["planted"])
    )
    assert (none - own) / (none - planted) > 0.9


def test_log_loss_is_that_of_the_truth_but_for_chance(compared: pd.DataFrame) -> None:
    """Events drawn from the planted PD itself would lose less by this much at most."""
    y, p, q = (compared[c].to_numpy() for c in ("is_event", "pd", "planted"))
    lost = -np.where(y > 0, np.log(p), np.log1p(-p))
    best = -np.where(y > 0, np.log(q), np.log1p(-q))
    excess = lost - best
    error = excess.std(ddof=1) / np.sqrt(len(excess))
    assert excess.mean() - norm.ppf(0.99) * error < 0.002
