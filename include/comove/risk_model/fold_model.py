"""The models of one fold: members fitted once, and a head for each algorithm."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from comove.errors import ModelError
from comove.risk_model.blend import Blend
from comove.risk_model.calibration import Calibration
from comove.risk_model.logit import WoeLogit
from comove.risk_model.matrix import Encoding
from comove.risk_model.trees import Trees

FloatArray = NDArray[np.float64]
FeatureMatrix = NDArray[np.float32]
Member = Trees | WoeLogit

MEMBERS: dict[str, type[Trees] | type[WoeLogit]] = {"xgboost": Trees, "logit": WoeLogit}
ENCODING_FILE = "encoding.json"
CALIBRATION_FILE = "calibration.json"
# No borrower is certain to fall, or certain not to.
LEAST_PD = 1e-6


@dataclass(frozen=True)
class Head:
    """How an algorithm makes its log-odds out of those of the members.

    Parameters
    ----------
    blend : Blend
        Weights of the members; one member has all the weight where nothing is blended.
    calibration : Calibration
        Applied to the mix.
    """

    blend: Blend
    calibration: Calibration

    def margin(self, margins: Mapping[str, FloatArray]) -> FloatArray:
        """Calibrated log-odds, from those of the members."""
        return self.calibration.apply(self.blend.mix(margins))


@dataclass(frozen=True)
class FoldModel:
    """Members and heads that share one encoding.

    Parameters
    ----------
    encoding : Encoding
        Of the feature matrix.
    members : mapping of str to Trees or WoeLogit
        By name: ``xgboost``, ``logit``.
    heads : mapping of str to Head
        By algorithm: ``xgboost``, ``logit``, ``blend``.
    """

    encoding: Encoding
    members: Mapping[str, Member]
    heads: Mapping[str, Head]

    def pds(self, x: FeatureMatrix) -> dict[str, FloatArray]:
        """Probabilities of the event, by algorithm.

        Parameters
        ----------
        x : ndarray of float32, shape (n, k)
            Features in the order of the encoding.

        Returns
        -------
        dict of str to ndarray, shape (n,)
            Strictly between 0 and 1.
        """
        margins = {name: member.margin(x) for name, member in self.members.items()}
        return {name: probability(h.margin(margins)) for name, h in self.heads.items()}

    def save(self, algorithm: str, folder: Path) -> None:
        """Write one algorithm with the members it needs.

        Parameters
        ----------
        algorithm : str
            Which head.
        folder : Path
            Its folder; a subfolder per member is made.
        """
        head = self.heads[algorithm]
        for name in head.blend.weights:
            place = folder / name
            place.mkdir(parents=True, exist_ok=True)
            self.members[name].save(place)
        head.blend.save(folder)
        _write(folder / CALIBRATION_FILE, head.calibration.to_json())
        _write(folder / ENCODING_FILE, self.encoding.to_json())

    @classmethod
    def load(cls, folders: Mapping[str, Path]) -> Self:
        """Read what :meth:`save` wrote.

        Parameters
        ----------
        folders : mapping of str to Path
            Folder of each algorithm, all of one fold.

        Raises
        ------
        ModelError
            When a file is not there or cannot be read.
        """
        heads, members = {}, {}
        for algorithm, folder in folders.items():
            blend = Blend.load(folder)
            told = _read(folder / CALIBRATION_FILE)
            heads[algorithm] = Head(blend, Calibration.from_json(told))
            for name in blend.weights:
                if name not in members:
                    members[name] = MEMBERS[name].load(folder / name)
        encoding = Encoding.from_json(_read(next(iter(folders.values())) / ENCODING_FILE))
        return cls(encoding, members, heads)


def probability(margin: FloatArray) -> FloatArray:
    """Turn log-odds into probabilities strictly between 0 and 1."""
    p: FloatArray = np.clip(expit(margin), LEAST_PD, 1 - LEAST_PD)
    return p


def _write(file: Path, content: object) -> None:
    file.write_text(json.dumps(content, indent=1) + "\n")


def _read(file: Path) -> dict[str, object]:
    try:
        return dict(json.loads(file.read_text()))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"it cannot be read ({type(error).__name__}).",
            where=str(file),
            remedy="Move the model's folder away; the next run fits it anew.",
        ) from error
