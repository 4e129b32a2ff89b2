"""Properties of molecules by rdkit: logP, QED, rings, and the internal diversity of a set."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_ext.metrics.sequences.smiles import canonical_smiles

__all__ = ["internal_diversity", "logp", "molecule_values", "qed", "ring_count"]

Values = NDArray[np.float64]


def molecule_values(smiles: Iterable[str], value: Callable[[Any], float]) -> Values:
    """Return a number of each molecule; NaN for what is no molecule.

    Args:
        smiles: strings.
        value: of rdkit's molecule (``rdkit.Chem.Mol``).

    Raises:
        ImportError: rdkit is not installed.
        TypeError: an item that is no string.
    """
    known = canonical_smiles(smiles)
    from rdkit.Chem import MolFromSmiles

    return np.array([np.nan if each is None else float(value(MolFromSmiles(each))) for each in known])


def logp(smiles: Iterable[str]) -> Values:
    """Return the octanol-water partition coefficient of each molecule, a logarithm to base 10; NaN for no molecule.

    References: Prediction of physicochemical parameters by atomic contributions (Wildman and Crippen, 1999),
    https://doi.org/10.1021/ci990307l
    """
    from rdkit.Chem.rdMolDescriptors import CalcCrippenDescriptors

    return molecule_values(smiles, lambda molecule: CalcCrippenDescriptors(molecule)[0])


def qed(smiles: Iterable[str]) -> Values:
    """Return how much each molecule looks like a drug, 0 to 1 (quantitative estimate, QED); NaN for no molecule.

    References: Quantifying the chemical beauty of drugs (Bickerton et al., 2012), https://doi.org/10.1038/nchem.1243
    """
    from rdkit.Chem.QED import qed as of

    return molecule_values(smiles, of)


def ring_count(smiles: Iterable[str]) -> Values:
    """Return the number of rings of each molecule; NaN for no molecule."""
    return molecule_values(smiles, lambda molecule: molecule.GetRingInfo().NumRings())


def internal_diversity(molecules: Iterable[str]) -> float | None:
    r"""Return how different molecules are, 0 to 1; None for fewer than two.

    .. math:: 1 - \frac{2}{n (n - 1)} \sum_{i < j} T(m_i, m_j)

    T is Tanimoto's similarity of Morgan fingerprints (radius 2, 1024 bits).

    References: MOSES (Polykovskiy et al., 2020), https://arxiv.org/abs/1811.12823; there pairs of one are counted too.

    Args:
        molecules: SMILES, all valid.
    """
    from rdkit.Chem import MolFromSmiles
    from rdkit.Chem.rdFingerprintGenerator import GetMorganGenerator
    from rdkit.DataStructs import BulkTanimotoSimilarity

    make = GetMorganGenerator(radius=2, fpSize=1024)
    prints = [make.GetFingerprint(MolFromSmiles(molecule)) for molecule in molecules]
    pairs = [value for row in range(1, len(prints)) for value in BulkTanimotoSimilarity(prints[row], prints[:row])]
    return 1 - float(np.mean(pairs)) if pairs else None
