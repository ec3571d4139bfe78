"""The one settings object: environment prefix ``COMOVE_``, units in the names."""

import datetime as dt
import hashlib
import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from comove.home import Home, project_root


class Settings(BaseSettings):
    """What an operator can set, with defaults that work.

    Every field is read from the environment variable ``COMOVE_<FIELD>``.
    """

    # An empty COMOVE_HOME would otherwise mean the folder one happens to be in.
    model_config = SettingsConfigDict(
        env_prefix="COMOVE_", env_ignore_empty=True, frozen=True, extra="ignore"
    )

    portfolio: str = "simulated"
    home: Path | None = None
    # Folder with the lender's files; without it, `<home>/landing`.
    data: Path | None = None
    seed: Annotated[int, Field(ge=0)] = 20_260_101

    # What counts as an event (a default of the borrower).
    event_dpd_days: Annotated[int, Field(ge=1)] = 30
    # No more than this may be missing from a settled instalment: half the smallest coin.
    settlement_tolerance_amount: Annotated[float, Field(ge=0)] = 0.005
    # A charge-off or a fraud has no cure of its own; its borrower counts as in default
    # for this long.
    default_memory_months: Annotated[int, Field(ge=0)] = 12
    # How 03/04/2024 is read where a column does not say.
    date_order: Literal["dmy", "mdy"] = "dmy"

    # Walk-forward of the PD model. Fold boundaries are calendar months, the same
    # whatever month a run is for.
    pd_train_window_months: Annotated[int, Field(ge=2)] = 36
    pd_min_train_months: Annotated[int, Field(ge=2)] = 12
    # Between the last month trained on and the first one predicted, because the
    # youngest outcomes still change when late files arrive.
    pd_gap_months: Annotated[int, Field(ge=0)] = 1
    pd_refit_months: Annotated[int, Field(ge=1)] = 6
    # Last months of the training window: early stopping, calibration, blend weights.
    pd_validation_months: Annotated[int, Field(ge=1)] = 6
    pd_search_every_months: Annotated[int, Field(ge=1)] = 24
    pd_search_trials: Annotated[int, Field(ge=1)] = 6
    pd_search_max_rows: Annotated[int, Field(ge=1000)] = 30_000
    # Trees learn from every event and so many rows in all; the non-events drawn stand
    # for the others by their weight, so that no probability moves.
    pd_max_tree_rows: Annotated[int, Field(ge=1000)] = 150_000
    pd_max_rounds: Annotated[int, Field(ge=10)] = 200
    # First month predicted, whatever month a run is for; None leaves it to the
    # portfolio (as early as there is history to learn from, unless it says otherwise).
    pd_first_month: dt.date | None = None
    # Ten events per fitted coefficient is the usual rule of thumb for a logit.
    pd_min_events: Annotated[int, Field(ge=2)] = 50

    # A challenger outside of these never replaces the champion.
    gate_min_auc: Annotated[float, Field(ge=0.5, lt=1)] = 0.55
    gate_max_calibration_ratio: Annotated[float, Field(gt=1)] = 2.0
    # Of the log-odds; its inverse is the least one.
    gate_max_calibration_slope: Annotated[float, Field(gt=1)] = 2.0
    gate_max_psi: Annotated[float, Field(gt=0)] = 0.25
    # Of the values known; beyond it in more than a quarter of the features a model is
    # refused.
    gate_max_extreme_psi: Annotated[float, Field(gt=0)] = 1.0
    gate_max_missing_share_rise: Annotated[float, Field(gt=0, le=1)] = 0.2
    # Months of out-of-time log loss that rank the algorithms.
    champion_window_months: Annotated[int, Field(ge=1)] = 12

    # An application model learns slowly: its outcomes take months to show.
    application_refit_months: Annotated[int, Field(ge=1)] = 12

    # The application score: at the base points, odds of good to bad are the base odds.
    score_base_points: Annotated[float, Field(ge=300, le=850)] = 600.0
    score_base_odds: Annotated[float, Field(gt=0)] = 20.0
    score_points_to_double_odds: Annotated[float, Field(gt=0)] = 50.0
    application_score_source: Literal["own", "lender"] = "own"
    # Bad is who was ever so late within so many months of disbursement; None leaves
    # the months to the portfolio (6 unless it says otherwise).
    performance_dpd_days: Annotated[int, Field(ge=1)] = 30
    performance_months: Annotated[int, Field(ge=1)] | None = None

    # Months whose residuals make the empirical distribution function.
    residual_window_months: Annotated[int, Field(ge=1)] = 96

    # Joint risk: what makes a cell, and which months are counted. `none` leaves out that
    # effect.
    joint_region_attribute: Literal["region", "industry", "kind", "none"] = "region"
    joint_industry_attribute: Literal["region", "industry", "kind", "none"] = "industry"
    # Bands of equally many expected events: the likelihood is exact within a band.
    joint_pd_bands: Annotated[int, Field(ge=1, le=64)] = 8
    # A group with fewer (happened plus expected) tells nothing about itself.
    joint_min_group_events: Annotated[float, Field(ge=0)] = 10.0
    # Where the portfolio names larger regions (SBA: divisions of states), a region with
    # fewer is counted with the others of its own: five a month of a window of 60 tell a
    # path of its own from its division's. By state SBA's crisis is predicted worse
    # (docs/joint-risk.md).
    joint_min_own_events: Annotated[float, Field(ge=0)] = 300.0
    # Months of events one fit sees, and months whose prediction made a month earlier is
    # scored on what happened.
    joint_window_months: Annotated[int, Field(ge=1)] = 60
    joint_validation_months: Annotated[int, Field(ge=0)] = 1
    # Of the rival that multiplies a region's pds by its events over those expected.
    joint_ewma_half_life_months: Annotated[float, Field(gt=0)] = 6.0
    # Links are stored for so many cells, those with most borrowers: their square of rows.
    joint_max_link_cells: Annotated[int, Field(ge=1)] = 200

    # The factor copula. Its priors hold for any lender; docs/factor-copula.md shows what
    # they say about data before any are seen. Medians and spreads of loadings are on
    # the log scale: 0.2 with 0.6 is 0.07 to 0.54 (90 %).
    joint_copula: Literal["gaussian", "student_t"] = "gaussian"
    joint_factors: Literal["multi", "single"] = "multi"
    joint_likelihood: Literal["threshold", "ordinal"] = "threshold"
    # Edges of the uniforms' bands for the ordinal likelihood, finer towards events.
    joint_ordinal_edges: Annotated[
        tuple[Annotated[float, Field(gt=0, lt=1)], ...], Field(min_length=1)
    ] = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99)
    joint_prior_national_loading: Annotated[float, Field(gt=0, lt=1)] = 0.2
    joint_prior_group_loading: Annotated[float, Field(gt=0, lt=1)] = 0.12
    joint_prior_log_loading_spread: Annotated[float, Field(gt=0)] = 0.6
    # How unequal the loadings of regions (of industries) are among themselves.
    joint_prior_pooling_spread: Annotated[float, Field(gt=0)] = 0.3
    # Beta prior of the factors' autoregression: mean 0.71, 90 % from 0.42 to 0.94.
    joint_prior_phi_alpha: Annotated[float, Field(gt=0)] = 5.0
    joint_prior_phi_beta: Annotated[float, Field(gt=0)] = 2.0
    joint_prior_offset_spread: Annotated[float, Field(gt=0)] = 0.05
    # Degrees of freedom above 2, median and spread on the log scale.
    joint_prior_nu: Annotated[float, Field(gt=0)] = 10.0
    joint_prior_log_nu_spread: Annotated[float, Field(gt=0)] = 1.0

    # Sampling: so many iterations warm up each chain, so many are kept of each.
    joint_chains: Annotated[int, Field(ge=2)] = 2
    joint_tune: Annotated[int, Field(ge=100)] = 400
    joint_draws: Annotated[int, Field(ge=100)] = 2000
    # Bounds of Vehtari et al. (2021); of the energies, Stan's own.
    joint_gate_max_r_hat: Annotated[float, Field(gt=1)] = 1.01
    joint_gate_min_ess: Annotated[float, Field(gt=0)] = 400.0
    joint_gate_min_bfmi: Annotated[float, Field(ge=0)] = 0.3

    # Loss of the portfolio. The share of exposure lost in a default: Basel's foundation
    # approach takes 45 % for senior unsecured claims, 40 % of corporates since 2023
    # (CRE32.6).
    loss_given_default: Annotated[float, Field(ge=0, le=1)] = 0.45
    # Of so many, VaR 99.9 rests on the worst 100.
    loss_simulations: Annotated[int, Field(ge=1000)] = 100_000
    loss_horizon_months: Annotated[int, Field(ge=1, le=120)] = 1

    # Response to default events. Initial links: posterior probability that the lift is
    # above 1. Below the index threshold a debtor moves about as a month ago.
    response_min_lift_probability: Annotated[float, Field(ge=0, le=1)] = 0.95
    response_index_threshold: Annotated[float, Field(gt=0)] = 1.25
    # Everybody shares the national factor: of pairs that share nothing else, 99 in 100
    # had a lift below 1.14 on two simulated lenders of 4,000 and 20,000 borrowers.
    response_min_lift: Annotated[float, Field(gt=0)] = 1.15
    # Months, the run's own among them, whose events are looked for: files of a month may
    # come late, and a month whose posterior was refused has no run of its own.
    response_lookback_months: Annotated[int, Field(ge=1, le=24)] = 3
    # Event x debtor pairs of one run; more is refused in words, never cut off.
    response_max_links: Annotated[int, Field(ge=1)] = 20_000_000
    # Freezes nobody decides on in time stay proposed; the next run asks again.
    response_approval_days: Annotated[float, Field(gt=0)] = 5.0

    # Application decision. Admitted is who probably repays: where a loan that fails costs
    # 45 % of it and one that is repaid earns 10 %, both weigh the same at 0.45 / 0.55.
    admission_min_probability: Annotated[float, Field(gt=0, lt=1)] = 0.82
    # So near to it a person looks, whichever side.
    admission_uncertain_margin: Annotated[float, Field(ge=0, lt=0.5)] = 0.02
    # A run decides applications of so many months that nobody has decided on yet.
    decision_window_months: Annotated[int, Field(ge=1)] = 36
    decision_refit_months: Annotated[int, Field(ge=1)] = 3
    # Of what comparable borrowers repaid, the amount that 40 % of them stayed below.
    limit_quantile: Annotated[float, Field(gt=0, lt=1)] = 0.4
    # Limit and what is still open together, in months of income.
    limit_income_months: Annotated[float, Field(gt=0)] = 3.0
    # Over the largest loan repaid so far.
    limit_max_growth: Annotated[float, Field(gt=0)] = 2.0
    # Limits are whole multiples of the first; the second is the unit of the limit bands
    # in the seed transaction_strategies. None takes the portfolio's, in its currency.
    limit_step_amount: Annotated[float, Field(gt=0)] | None = None
    limit_unit_amount: Annotated[float, Field(gt=0)] | None = None
    # A pair of ids is one person from the first on, and a person's to judge from the
    # second on.
    identity_same_probability: Annotated[float, Field(gt=0, le=1)] = 0.95
    identity_review_probability: Annotated[float, Field(gt=0, le=1)] = 0.5
    # Decisions nobody confirms in time keep waiting; the next run asks again.
    review_approval_days: Annotated[float, Field(gt=0)] = 5.0

    # Score drift. Whose score is followed: ours, or the one the lender delivers.
    drift_score: Literal["own", "lender"] = "own"
    # Months every other is compared with; None takes the first ones in a row that have
    # applications enough for two classes that are not thin.
    drift_baseline_from: dt.date | None = None
    drift_baseline_months: Annotated[int, Field(ge=1)] = 6
    # Groups of equally many applications, of the n-group KS and of the PSI.
    drift_groups: Annotated[int, Field(ge=2, le=100)] = 10
    # A change of KS up to this is no drift, however sure it is.
    drift_tolerance_ks: Annotated[float, Field(ge=0, lt=1)] = 0.05
    # Fewer good or fewer bad make a thin cell: it is shown, and never flagged.
    drift_min_class_applications: Annotated[int, Field(ge=1)] = 20
    # After so many months nearly all who ever draw have drawn.
    drift_settling_months: Annotated[int, Field(ge=0)] = 1
    # Share of a cohort's loans whose outcome may be missing where it is judged by them.
    drift_max_unknown_share: Annotated[float, Field(ge=0, lt=1)] = 0.05
    # Further cuts of the matrix, each of all its stages and months.
    drift_cuts: tuple[Literal["channel", "region", "product"], ...] = ()
    drift_bootstrap_draws: Annotated[int, Field(ge=100)] = 400

    # Policy labels (design 4.7). Weights of what an application is ranked by.
    policy_credit_value_weight: Annotated[float, Field(ge=0)] = 0.8
    policy_capability_weight: Annotated[float, Field(ge=0)] = 0.6
    # Share of a channel's applications that are good, where the channel's loans are as
    # good as all; its odds go with the odds of its loans to be good.
    policy_pass_share: Annotated[float, Field(gt=0, lt=1)] = 0.7
    # A channel counts as this many loans of the lender's whole, and as its own.
    policy_channel_prior_loans: Annotated[float, Field(ge=0)] = 200.0
    # What an applicant is capable of: months of income, and a share of liquid assets.
    policy_capability_income_months: Annotated[float, Field(gt=0)] = 2.0
    policy_capability_liquid_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    # Overall value of the review rules (0 to 1) from which on an application is good.
    policy_review_cutoff: Annotated[float, Field(ge=0, le=1)] = 0.35

    # Recalibration of the score and of the strategy that uses it. Below the lower bound
    # a score does not discriminate, above the upper one it is too good to be true
    # (Mays, Credit Scoring for Risk Managers, 2004).
    recalibration_ks_low: Annotated[float, Field(ge=0, le=1)] = 0.20
    recalibration_ks_high: Annotated[float, Field(ge=0, le=1)] = 0.75
    # Bad loans observed over predicted may be so many times too many, or too few.
    recalibration_max_bad_ratio: Annotated[float, Field(gt=1)] = 1.5
    # Cohorts, the newest that are mature, on which candidates are tried.
    recalibration_window_months: Annotated[int, Field(ge=1)] = 12
    # With fewer bad loans (or fewer good ones) nothing is tried, only said.
    recalibration_min_bad: Annotated[int, Field(ge=2)] = 30
    # What a good loan earns, as a share of what was lent; a bad one loses
    # loss_given_default. With 5 % and 45 %, nine good ones pay for one bad one.
    recalibration_good_margin: Annotated[float, Field(gt=0)] = 0.05
    # Cut-offs tried: so many quantiles of the scores that were paid out.
    recalibration_cutoffs: Annotated[int, Field(ge=1)] = 20
    recalibration_band_counts: Annotated[
        tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)
    ] = (2, 3, 4, 5, 6, 8)
    # Of all candidates tried together, at most this chance that one which changes
    # nothing is taken for better; likewise for a month's drift flags.
    recalibration_error_chance: Annotated[float, Field(gt=0, lt=1)] = 0.05
    # A proposal nobody decides on in time stays proposed; the next run asks again.
    recalibration_approval_days: Annotated[float, Field(gt=0)] = 5.0

    # Overdue grades (design 4.11). The weight of the historical extreme at a borrower's
    # first point, in the middle of its bounds: nothing is known yet that would move it.
    overdue_grade_first_weight: Annotated[float, Field(ge=0, le=1)] = 0.5
    overdue_grade_min_weight: Annotated[float, Field(ge=0, le=1)] = 0.2
    overdue_grade_max_weight: Annotated[float, Field(ge=0, le=1)] = 0.8
    # How far a doubled or vanished extreme moves the weight; below 1, so that no weight
    # turns 0 or negative before it is clipped. With 0.5, a first lateness takes it to
    # its upper bound in two steps, as the end of all lateness takes it down.
    overdue_grade_adjustment: Annotated[float, Field(ge=0, lt=1)] = 0.5
    # Trailing window of the historical extreme: each season once, as memory elsewhere.
    overdue_grade_window_months: Annotated[int, Field(ge=1)] = 12

    # Overdue assessment. The target type repays at least this share of what is overdue
    # within so many days (recoverable), or does not (unrecoverable).
    overdue_target_type: Literal["recoverable", "unrecoverable"] = "recoverable"
    overdue_target_share: Annotated[float, Field(gt=0, le=1)] = 0.5
    overdue_target_days: Annotated[int, Field(ge=1)] = 90
    # From this probability on a borrower is taken to be of the target type.
    overdue_min_type_probability: Annotated[float, Field(gt=0, lt=1)] = 0.5
    # Months a model of the type is used before it learns anew.
    overdue_refit_months: Annotated[int, Field(ge=1)] = 12
    # With fewer outcomes of either kind there is no model, and it is said so.
    overdue_min_outcomes: Annotated[int, Field(ge=10)] = 100

    # Notifications (docs/notifications.md). Apprise URLs, separated by blanks, each with
    # the kinds it is told before an equals sign if not all; empty tells nobody. They hold
    # passwords, so they are never shown.
    notify_urls: SecretStr = SecretStr("")
    # Where links lead, if not to the base_url of Airflow's own configuration: the name
    # under which people reach the UI from elsewhere.
    notify_ui_url: str = ""
    # The index alarm: a share of the borrowers (or of the exposure) whose index is more
    # than so many times last month's. In a month without a shock few are half as risky
    # again as before; one in four is more than chance and single regions make.
    notify_index_change_above: Annotated[float, Field(gt=0)] = 1.5
    notify_index_share_above: Annotated[float, Field(ge=0, le=1)] = 0.25
    notify_index_share_of: Literal["borrowers", "exposure"] = "borrowers"

    duckdb_memory_limit_gib: Annotated[float, Field(gt=0)] = 4.0
    duckdb_threads: Annotated[int, Field(ge=1)] = 2

    # Years before 1900 or after 2100 are read as typing errors, not as dates.
    earliest_year: int = 1900
    latest_year: int = 2100

    @property
    def places(self) -> Home:
        """Where this portfolio keeps its state."""
        folder = self.home or project_root() / ".comove" / self.portfolio
        return Home(folder.expanduser().resolve())

    @property
    def data_folder(self) -> Path:
        """Where the lender's files are."""
        return (self.data or self.places.landing).expanduser().resolve()

    def fingerprint(self) -> str:
        """Hash of every setting that can change a number.

        Returns
        -------
        str
            SHA-256, hexadecimal; the same for equal settings on any machine, so
            folders, memory and threads are left out.
        """
        machine = {"home", "data", "duckdb_memory_limit_gib", "duckdb_threads"}
        # Who is told, and how long is waited, moves no number.
        machine |= {"response_approval_days"}
        machine |= {"recalibration_approval_days", "review_approval_days"}
        machine |= {
            name for name in type(self).model_fields if name.startswith("notify_")
        }
        kept = self.model_dump(mode="json", exclude=machine)
        return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()
