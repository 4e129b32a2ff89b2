"""Properties of molecules by rdkit: logP, QED, rings, and the internal diversity of a set."""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_ext.metrics.sequences.smiles import canonical_smiles

__all__ = ["internal_diversity", "logp", "molecule_hits", "molecule_values", "qed", "ring_count"]

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


def molecule_hits(
    smiles: Sequence[str], value: Callable[[Sequence[str]], Values], threshold: float, known: Collection[str] = ()
) -> dict[str, float | int | None]:
    """Return how many strings are molecules with a property above a threshold, and how different these are.

    Args:
        smiles: generated strings, at least one.
        value: the property, such as :func:`logp`; NaN for what is no molecule.
        threshold: a hit has more.
        known: canonical SMILES of molecules that are not new.

    Returns:
        Shares ``hit`` and ``validity`` of all; ``different hits``, a number; of valid ones the share ``unique`` that is
        different, of different ones the share ``novel``; ``diversity`` of the hits (:func:`internal_diversity`); and
        the mean ``property``, None if no string is valid.
    """
    values, molecules = value(smiles), canonical_smiles(smiles)
    hits = [molecule for molecule, found in zip(molecules, values, strict=True) if molecule and found > threshold]
    valid = [molecule for molecule in molecules if molecule is not None]
    return {
        "hit": len(hits) / len(smiles),
        "different hits": len(set(hits)),
        "validity": len(valid) / len(smiles),
        "unique": len(set(valid)) / max(1, len(valid)),
        "novel": len(set(valid) - set(known)) / max(1, len(set(valid))),
        "diversity": internal_diversity(hits),
        "property": float(np.nanmean(values)) if valid else None,
    }
