"""Molecules as SMILES: validity, uniqueness, novelty (needs rdkit)."""

from collections.abc import Iterable
from typing import NamedTuple

from gan_ext.checks import checked
from gan_ext.metrics.statistics.bootstrap import Interval, bootstrap_interval

__all__ = ["KnownMolecules", "SmilesScores", "canonical_smiles", "smiles_intervals", "smiles_scores"]


class SmilesScores(NamedTuple):
    """Shares in [0, 1]."""

    validity: float
    """Molecules that rdkit accepts, of all strings."""
    uniqueness: float
    """Different molecules, of the valid ones; 0 if none is valid."""
    novelty: float | None
    """Molecules not known, of the different valid ones; 0 if none is valid, None if nothing is known."""


def canonical_smiles(smiles: Iterable[str]) -> list[str | None]:
    """Return the canonical SMILES of each molecule, None where rdkit does not accept the string.

    Strings with equal canonical forms are the same molecule, stereochemistry included.  A string that is empty or holds
    white space is not accepted: rdkit would read the rest of it as a name.  No message of rdkit is printed.

    References: SMILES. 2. Algorithm for generation of unique SMILES notation (Weininger et al., 1989),
    https://doi.org/10.1021/ci00062a008

    Args:
        smiles: strings.

    Raises:
        ImportError: rdkit is not installed.
        TypeError: an item that is no string.
    """
    strings = _strings(smiles)
    try:
        from rdkit import Chem, rdBase
    except ImportError as error:
        raise ImportError(
            "Validity of molecules is what rdkit accepts, and rdkit is not installed: pip install rdkit (the extra "
            "`smiles`)."
        ) from error
    found: list[str | None] = []
    with rdBase.BlockLogs():
        for string in strings:
            molecule = Chem.MolFromSmiles(string) if string.split() == [string] else None
            found.append(None if molecule is None else Chem.MolToSmiles(molecule))
    return found


@checked
class KnownMolecules:
    """The molecules of a training set in canonical form, made once and looked up often.

    Args:
        smiles: strings; those that are no molecules are left out.

    Raises:
        ImportError: rdkit is not installed.
        TypeError: an item that is no string.
    """

    def __init__(self, smiles: Iterable[str]) -> None:
        self.canonical = frozenset(filter(None, canonical_smiles(smiles)))


def smiles_scores(generated: Iterable[str], *, known: KnownMolecules | Iterable[str] | None = None) -> SmilesScores:
    r"""Return validity, uniqueness and novelty of generated molecules.

    .. math::
        \mathrm{validity} = |V| / N, \qquad \mathrm{uniqueness} = |U| / |V|, \qquad
        \mathrm{novelty} = |U \setminus K| / |U|

    V are the strings that rdkit accepts, U the different molecules among them, K the known ones.  Uniqueness falls as N
    grows: compare samples of equal size only.  What is known can be left out, so it goes by name and comes last.

    References: MOSES (Polykovskiy et al., 2020), https://arxiv.org/abs/1811.12823

    Args:
        generated: strings, at least one.
        known: the training set; :class:`KnownMolecules` if it is used more than once.  None leaves novelty out.

    Raises:
        ImportError: rdkit is not installed.
        TypeError: an item that is no string.
        ValueError: nothing generated.
    """
    strings = _strings(generated)
    if not strings:
        raise ValueError("generated holds no string; validity needs at least one.")
    valid = [each for each in canonical_smiles(strings) if each is not None]
    different = set(valid)
    novelty = None
    if known is not None:
        known = known if isinstance(known, KnownMolecules) else KnownMolecules(known)
        novelty = len(different - known.canonical) / max(1, len(different))
    return SmilesScores(len(valid) / len(strings), len(different) / max(1, len(valid)), novelty)


def smiles_intervals(generated: Iterable[str], known: KnownMolecules) -> dict[str, float | Interval]:
    """Return the scores of :func:`smiles_scores` with 95 % bootstrap intervals.

    Uniqueness has none, since drawing with replacement makes doubles.

    Args:
        generated: strings, at least one.
        known: the training set.

    Returns:
        ``validity``, ``uniqueness`` and ``novelty``.
    """
    molecules = canonical_smiles(generated)
    different = sorted({each for each in molecules if each is not None})
    return {
        "validity": bootstrap_interval([float(each is not None) for each in molecules]),
        "uniqueness": len(different) / max(1, sum(each is not None for each in molecules)),
        "novelty": bootstrap_interval([float(each not in known.canonical) for each in different] or [0.0]),
    }


def _strings(smiles: Iterable[str]) -> list[str]:
    if isinstance(smiles, str):
        raise TypeError(f"SMILES must come as a list of strings, got one string, {smiles[:30]!r}.")
    strings = list(smiles)
    wrong = [each for each in strings if not isinstance(each, str)]
    if wrong:
        raise TypeError(f"SMILES must be strings, got {wrong[0]!r}; join tokens first: ''.join(tokens).")
    return strings
