"""One application model: a bag of small trees and two regressions, blended.

Applications with known outcomes are few: thousands, of which dozens are bad. So the
trees are shallow and strongly penalised, several seeds are averaged, and everything that
needs rows a model was not fitted on (hyper-parameters, rounds, blend weights,
calibration) takes all rows in turn by cross-fitting instead of holding some back.

Stopping trees by log loss ends before they rank best, as later trees order the many of
low risk but exaggerate. So a second, bold set goes on for a fixed number of rounds; its
log-odds are averaged with the cautious ones where that ranks better, and the calibration
takes the exaggeration out. See ``docs/application-score.md`` for the measurements.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from comove.errors import ModelError
from comove.risk_model.blend import Blend, fit_weights
from comove.risk_model.calibration import Calibration, fit_calibration
from comove.risk_model.explain import contributions
from comove.risk_model.line import PenalisedLine
from comove.risk_model.logit import WoeLogit
from comove.risk_model.matrix import Encoding
from comove.risk_model.metrics import auc, log_loss
from comove.risk_model.reasons import Population
from comove.risk_model.trees import Sample, TreeFitter, TreeParameters, Trees

FloatArray = NDArray[np.float64]
FeatureMatrix = NDArray[np.float32]
Groups = NDArray[np.int64]

# Seeds whose trees are averaged, where applications are few.
BAG = 3
# From here on one split tells hyper-parameters apart, and another seed changes next to
# nothing.
MANY = 5_000
# From strongly penalised to less so. The least weight of a leaf is counted in p (1 - p):
# where 6 in 100 are bad, a weight of 5 is 90 applications, more than a part may have bad.
CANDIDATES = (
    TreeParameters(
        max_depth=3,
        learning_rate=0.03,
        min_child_weight=5.0,
        subsample=0.6,
        colsample_bytree=0.4,
        reg_lambda=10.0,
    ),
    TreeParameters(
        max_depth=3,
        learning_rate=0.05,
        min_child_weight=1.0,
        subsample=0.7,
        colsample_bytree=0.5,
        reg_lambda=3.0,
    ),
    TreeParameters(
        max_depth=5,
        learning_rate=0.05,
        min_child_weight=0.5,
        subsample=0.8,
        colsample_bytree=0.5,
        reg_lambda=1.0,
    ),
)
# Fewer bad ones cannot tell two sets of trees apart, nor members (an area's standard
# error is about 0.02 with 70): they are averaged, untried.
TELLING = 200
# Not stopped, and leaves of a few bad ones: ranks better where those are few.
BOLD = TreeParameters(
    max_depth=6,
    learning_rate=0.1,
    min_child_weight=0.2,
    subsample=0.8,
    colsample_bytree=1.0,
    reg_lambda=1.0,
    rounds=100,
)
MODEL_FILE = "application.json"
CROSS_FITTED_FILE = "cross_fitted.npy"
ENCODING_FILE = "encoding.json"


class TreeBag:
    """Trees of several seeds, whose log-odds are averaged.

    Parameters
    ----------
    members : sequence of Trees
        At least one.
    """

    algorithm: ClassVar[str] = "xgboost"

    def __init__(self, members: Sequence[Trees]) -> None:
        self.members = tuple(members)

    def margin(self, x: FeatureMatrix) -> FloatArray:
        """Log-odds of being bad, shape (n,)."""
        return np.mean([member.margin(x) for member in self.members], axis=0)

    def contributions(self, x: FeatureMatrix, names: tuple[str, ...]) -> FloatArray:
        """SHAP values, shape (n, k)."""
        parts = [
            contributions(one.booster, x, names, seed=0, most_rows=max(len(x), 1)).values
            for one in self.members
        ]
        return np.mean(parts, axis=0)

    def save(self, folder: Path) -> None:
        """Write a booster per folder, which are named 0, 1 and so on."""
        for number, member in enumerate(self.members):
            (folder / str(number)).mkdir(parents=True, exist_ok=True)
            member.save(folder / str(number))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        places = sorted((p for p in folder.iterdir() if p.is_dir()), key=lambda p: p.name)
        return cls([Trees.load(place) for place in places])


Member = TreeBag | WoeLogit | PenalisedLine


@dataclass(frozen=True)
class ApplicationModel:
    """A fitted model of an application's outcome.

    Parameters
    ----------
    encoding : Encoding
        Columns of the features.
    members : mapping of str to TreeBag, WoeLogit or PenalisedLine
        ``xgboost``, ``linear`` where asked for, ``logit`` where one could be fitted.
    weights : mapping of str to float
        Blend weights of the members.
    calibrations : mapping of str to Calibration
        Of each member and of ``blend``.
    population : Population
        What reasons are told against.
    parameters : mapping of str to TreeParameters
        Of the trees: ``cautious``, and ``bold`` where those are averaged in.
    validation : mapping of str to float
        Log loss of each member and the blend, cross-fitted over the rows trained on,
        as is the line that calibrates each row.
    without_logit : str or None
        Why there is no logit.
    cross_fitted : ndarray, shape (n,)
        What the blend said of each row trained on; neither its members nor the line that
        calibrates it were fitted on that row.
    """

    encoding: Encoding
    members: Mapping[str, Member]
    weights: Mapping[str, float]
    calibrations: Mapping[str, Calibration]
    population: Population
    parameters: Mapping[str, TreeParameters]
    validation: Mapping[str, float] = field(default_factory=dict)
    without_logit: str | None = None
    cross_fitted: FloatArray = field(default_factory=lambda: np.empty(0))

    def probabilities(self, x: FeatureMatrix) -> dict[str, FloatArray]:
        """Predict by every member and the blend.

        Parameters
        ----------
        x : ndarray of float32, shape (n, k)
            Features; NaN is missing.

        Returns
        -------
        dict of str to ndarray, shape (n,)
            Calibrated probabilities of being bad.
        """
        margins = {name: member.margin(x) for name, member in self.members.items()}
        margins["blend"] = Blend(self.weights).mix(margins)
        return {n: expit(self.calibrations[n].apply(m)) for n, m in margins.items()}

    def contributions(self, x: FeatureMatrix) -> FloatArray:
        """Split the blend's log-odds into the parts of the features, shape (n, k)."""
        return _contributions(self.members, self.weights, x, self.encoding)

    def save(self, folder: Path) -> None:
        """Write the members and all that belongs to them."""
        for name, member in self.members.items():
            (folder / name).mkdir(parents=True, exist_ok=True)
            member.save(folder / name)
        Blend(self.weights).save(folder)
        _write(folder / ENCODING_FILE, self.encoding.to_json())
        stored = {
            "members": list(self.members),
            "calibrations": {n: c.to_json() for n, c in self.calibrations.items()},
            "population": self.population.to_json(),
            "parameters": {n: asdict(one) for n, one in self.parameters.items()},
            "validation": dict(self.validation),
            "without_logit": self.without_logit,
        }
        _write(folder / MODEL_FILE, stored)
        np.save(folder / CROSS_FITTED_FILE, self.cross_fitted, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        ModelError
            If a file is not there or cannot be read.
        """
        try:
            stored = json.loads((folder / MODEL_FILE).read_text("utf-8"))
            encoding = json.loads((folder / ENCODING_FILE).read_text("utf-8"))
            return cls(
                encoding=Encoding.from_json(encoding),
                members={name: _load(folder / name) for name in stored["members"]},
                weights=Blend.load(folder).weights,
                calibrations={
                    name: Calibration.from_json(one)
                    for name, one in stored["calibrations"].items()
                },
                population=Population.from_json(stored["population"]),
                parameters={
                    name: TreeParameters(**one)
                    for name, one in stored["parameters"].items()
                },
                validation=stored["validation"],
                without_logit=stored["without_logit"],
                cross_fitted=np.load(folder / CROSS_FITTED_FILE, allow_pickle=False),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(
                f"no application model can be read ({type(error).__name__}: {error}).",
                where=str(folder),
                remedy="Move the folder away and run the month again; it is fitted anew.",
            ) from error


@dataclass(frozen=True)
class ApplicationFitter:
    """What fitting needs besides rows.

    Parameters
    ----------
    encoding : Encoding
        Columns of the features.
    seed : int
        Of every random choice.
    threads, max_rounds : int
        For xgboost: its threads, and trees at most.
    candidates : tuple of TreeParameters
        Hyper-parameters to choose from.
    with_line : bool
        Whether a line is among the members. It carries on what moves with time beyond
        what was seen, so that it is for applications of the time learnt from only.
    """

    encoding: Encoding
    seed: int
    threads: int
    max_rounds: int
    candidates: tuple[TreeParameters, ...] = CANDIDATES
    with_line: bool = True

    def fit(
        self, sample: Sample, parts: Groups, algorithm: str = "blend"
    ) -> ApplicationModel:
        """Fit members, weights and calibrations.

        Parameters
        ----------
        sample : Sample
            Applications with known outcomes, both outcomes among them.
        parts : ndarray of int, shape (n,)
            Part of each row for cross-fitting; all rows of a borrower share theirs.
        algorithm : str
            ``blend`` finds the weights; the name of a member gives it all the weight.

        Returns
        -------
        ApplicationModel
            The same for the same rows, seed and settings.

        Raises
        ------
        ModelError
            When a single algorithm is asked for that could not be fitted.
        """
        splits = _splits(sample, parts)
        margins = {}
        parameters, margins["xgboost"] = self._chosen_trees(sample, splits)
        members: dict[str, Member] = {"xgboost": self._bag(sample, parameters)}
        if self.with_line:
            members["linear"], margins["linear"] = self._line(sample, splits)
        found = self._logit(sample, splits)
        if not isinstance(found, str):
            members["logit"], margins["logit"] = found
        weights = _weights(algorithm, margins, sample.y, trees=len(parameters))
        margins["blend"] = Blend(weights).mix(margins)
        calibrations = {n: fit_calibration(m, sample.y) for n, m in margins.items()}
        said = {n: _by_lines_of_others(m, sample.y, splits) for n, m in margins.items()}
        parts_of = _contributions(members, weights, sample.x, self.encoding)
        return ApplicationModel(
            encoding=self.encoding,
            members=members,
            weights=weights,
            calibrations=calibrations,
            population=Population.of(sample.x, parts_of, self.encoding.features),
            parameters=parameters,
            validation={name: log_loss(sample.y, p) for name, p in said.items()},
            without_logit=found if isinstance(found, str) else None,
            cross_fitted=said["blend"],
        )

    def _chosen_trees(
        self, sample: Sample, splits: list[NDArray[np.bool_]]
    ) -> tuple[dict[str, TreeParameters], FloatArray]:
        """Choose the cautious trees, and whether bold ones are averaged in."""
        cautious, margin = self._cautious_trees(sample, splits)
        if len(sample) >= MANY:
            return {"cautious": cautious}, margin
        bold = replace(BOLD, rounds=min(BOLD.rounds, self.max_rounds))
        both = (margin + self._cross_fitted(sample, splits, bold)) / 2
        is_told = sample.y.sum() >= TELLING
        if is_told and auc(sample.y, both) <= auc(sample.y, margin):
            return {"cautious": cautious}, margin
        return {"cautious": cautious, "bold": bold}, both

    def _cautious_trees(
        self, sample: Sample, splits: list[NDArray[np.bool_]]
    ) -> tuple[TreeParameters, FloatArray]:
        if len(sample) < MANY:
            tried = [self._cross_fitted_trees(sample, splits, c) for c in self.candidates]
            return min(tried, key=lambda found: _loss(found[1], sample.y))
        few = self.candidates[:2]
        best = min(few, key=lambda c: self._loss_of(sample, splits[0], c))
        return self._cross_fitted_trees(sample, splits, best)

    def _loss_of(
        self, sample: Sample, held: NDArray[np.bool_], candidate: TreeParameters
    ) -> float:
        later = _rows(sample, held)
        trees, _ = self._fitter(0).stopped(_rows(sample, ~held), later, candidate)
        return _loss(trees.margin(later.x), later.y)

    def _cross_fitted_trees(
        self,
        sample: Sample,
        splits: list[NDArray[np.bool_]],
        candidate: TreeParameters,
    ) -> tuple[TreeParameters, FloatArray]:
        fitter = self._fitter(0)
        rounds = [
            fitter.stopped(_rows(sample, ~held), _rows(sample, held), candidate)[1].rounds
            for held in splits
        ]
        # One number of rounds for all parts: each part's own would know its outcomes.
        agreed = replace(candidate, rounds=max(int(np.median(rounds)), 1))
        return agreed, self._cross_fitted(sample, splits, agreed)

    def _cross_fitted(
        self,
        sample: Sample,
        splits: list[NDArray[np.bool_]],
        parameters: TreeParameters,
    ) -> FloatArray:
        """Predict each part by trees of the others, of a given number of rounds."""
        margin = np.empty(len(sample))
        for held in splits:
            trees = self._fitter(0).fit(_rows(sample, ~held), parameters)
            margin[held] = trees.margin(sample.x[held])
        return margin

    def _bag(self, sample: Sample, parameters: Mapping[str, TreeParameters]) -> TreeBag:
        seeds = 1 if len(sample) >= MANY else BAG
        return TreeBag(
            [
                self._fitter(number).fit(sample, one)
                for one in parameters.values()
                for number in range(seeds)
            ]
        )

    def _line(
        self, sample: Sample, splits: list[NDArray[np.bool_]]
    ) -> tuple[PenalisedLine, FloatArray]:
        margin = np.empty(len(sample))
        for held in splits:
            line = PenalisedLine.fit(_rows(sample, ~held), self.encoding)
            margin[held] = line.margin(sample.x[held])
        return PenalisedLine.fit(sample, self.encoding), margin

    def _logit(
        self, sample: Sample, splits: list[NDArray[np.bool_]]
    ) -> tuple[WoeLogit, FloatArray] | str:
        margin = np.empty(len(sample))
        try:
            for held in splits:
                logit = self._fitted_logit(_rows(sample, ~held))
                margin[held] = logit.margin(sample.x[held])
            return self._fitted_logit(sample), margin
        except ModelError as error:
            # Without one informative feature there is no scorecard; trees can do without.
            return error.found

    def _fitted_logit(self, sample: Sample) -> WoeLogit:
        return WoeLogit.fit(sample.x, sample.y, self.encoding, seed=self.seed)

    def _fitter(self, number: int) -> TreeFitter:
        return TreeFitter(
            encoding=self.encoding,
            seed=self.seed + number,
            threads=self.threads,
            max_rounds=self.max_rounds,
        )


def _splits(sample: Sample, parts: Groups) -> list[NDArray[np.bool_]]:
    """Tell the rows of each part, refusing parts that leave one class to learn from."""
    splits = [parts == part for part in np.unique(parts)]
    if len(splits) > 1 and all(
        0 < sample.y[~held].sum() < (~held).sum() for held in splits
    ):
        return splits
    raise ModelError(
        f"{int(sample.y.sum())} bad of {len(sample)} applications cannot be divided into "
        "parts with both outcomes.",
        where="application model",
        remedy="Wait for more outcomes, or use the lender's own score.",
    )


def _rows(sample: Sample, chosen: NDArray[np.bool_]) -> Sample:
    return Sample(sample.x[chosen], sample.y[chosen])


def _loss(margin: FloatArray, y: FloatArray) -> float:
    return float(np.mean(np.logaddexp(0.0, margin) - y * margin))


def _by_lines_of_others(
    margin: FloatArray, y: FloatArray, splits: list[NDArray[np.bool_]]
) -> FloatArray:
    """Calibrate each part by the line of the others; probabilities, shape (n,).

    A line judged on the rows it was fitted on has the right level and a slope of one,
    whatever it says of others.
    """
    p = np.empty(len(y))
    for held in splits:
        line = fit_calibration(margin[~held], y[~held])
        p[held] = expit(line.apply(margin[held]))
    return p


def _weights(
    algorithm: str, margins: Mapping[str, FloatArray], y: FloatArray, *, trees: int
) -> dict[str, float]:
    """Find the blend's weights; where few are bad, each set of trees counts as one."""
    if algorithm == "blend":
        if y.sum() >= TELLING:
            return fit_weights(margins, y)
        parts = {name: trees if name == "xgboost" else 1 for name in margins}
        return {name: part / sum(parts.values()) for name, part in parts.items()}
    if algorithm not in margins:
        raise ModelError(
            f"there is no {algorithm}; there are: {', '.join(margins)}.",
            where="application model",
            remedy=f"Ask for blend, or for one of {', '.join(margins)}.",
        )
    return {name: float(name == algorithm) for name in margins}


def _contributions(
    members: Mapping[str, Member],
    weights: Mapping[str, float],
    x: FeatureMatrix,
    encoding: Encoding,
) -> FloatArray:
    total = np.zeros(x.shape)
    for name, member in members.items():
        if weights[name]:
            total += weights[name] * _parts_of(member, x, encoding)
    return total


def _parts_of(member: Member, x: FeatureMatrix, encoding: Encoding) -> FloatArray:
    """Split a member's log-odds into the parts of the features, shape (n, k)."""
    if isinstance(member, TreeBag):
        return member.contributions(x, encoding.names)
    if isinstance(member, PenalisedLine):
        return member.contributions(x)
    parts = np.zeros(x.shape)
    places = [encoding.names.index(bins.name) for bins in member.bins]
    parts[:, places] = member.contributions(x)
    return parts


def _load(folder: Path) -> Member:
    kinds: dict[str, type[Member]] = {"xgboost": TreeBag, "linear": PenalisedLine}
    return kinds.get(folder.name, WoeLogit).load(folder)


def _write(file: Path, content: object) -> None:
    file.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
