"""Molecules as lines of SMILES: a reader of files and folders, and a small grammar that draws some."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gan_ext.data.errors import DataError
from gan_ext.data.sequences.lines import read_lines
from gan_ext.data.sequences.tokenization import SmilesTokenizer
from gan_ext.seeds import RandomStateLike, as_seed

__all__ = ["Molecules", "molecule_chains", "read_smiles"]

_ENDINGS = (".txt", ".smi", ".smiles", ".txt.gz", ".smi.gz", ".smiles.gz")
_FIRST = ("C", "CC", "CC(C)", "N", "O", "CO", "OC(=O)", "Fc1ccc(cc1)", "Clc1ccc(cc1)", "c1ccc(cc1)", "C#C")
_MIDDLE = ("C", "CC", "C(C)", "C(=O)N", "OC", "NC", "SC", "c1ccc(cc1)", "C1CCC(CC1)", "C(F)", "C(Cl)", "C(O)")
_LAST = ("C", "N", "O", "C(=O)O", "c1ccccc1", "C#N", "C(F)(F)F", "CCl", "S(N)(=O)=O")


class Molecules(NamedTuple):
    """Molecules as strings; the parts share none of those to learn from."""

    train: list[str]
    valid: list[str]
    test: list[str]

    def with_held_out(self, random_state: RandomStateLike = 0) -> "Molecules":
        """Return them with a tenth of those to learn from held out, for each of the other parts, if both are empty."""
        if self.valid or self.test:
            return self
        order = np.random.default_rng(as_seed(random_state)).permutation(len(self.train))
        tenth = max(1, len(order) // 10)
        parts = order[2 * tenth :], order[:tenth], order[tenth : 2 * tenth]
        return Molecules(*([self.train[row] for row in rows] for rows in parts))


def read_smiles(path: str | Path, max_length: int | None = None) -> Molecules:
    """Read SMILES, one a line, plain or gzipped; empty lines are left out.

    Args:
        path: a file, whose molecules are all to learn from; or a folder of files that end with .txt, .smi or .smiles
            (or these with .gz), of which those with ``valid`` or ``test`` in their names are held out, and their
            molecules with them.  A folder with one file only holds nothing out.
        max_length: molecules need fewer tokens, so that there is room for the closing one; None for no limit.

    Raises:
        DataError: there is no such file or folder, or a file cannot be read.
    """
    path = Path(path)
    if not path.exists():
        raise DataError(f"{path} is no file and no folder.")

    def read(paths: list[Path]) -> list[str]:
        lines = (line.strip() for path in paths for line in read_lines(path))
        return _short((line for line in lines if line), max_length)

    if not path.is_dir():
        return Molecules(read([path]), [], [])
    files = sorted(each for each in path.iterdir() if each.name.endswith(_ENDINGS))
    if len(files) == 1:
        return Molecules(read(files), [], [])
    valid, test = ([each for each in files if word in each.name] for word in ("valid", "test"))
    held = read(valid), read(test)
    away = {smiles for part in held for smiles in part}
    train = read([each for each in files if each not in valid and each not in test])
    return Molecules([smiles for smiles in train if smiles not in away], *held)


def _short(molecules: Iterable[str], max_length: int | None) -> list[str]:
    split = SmilesTokenizer().tokenize
    return [each for each in molecules if max_length is None or len(split(each)) < max_length]


def molecule_chains(n: int, random_state: RandomStateLike = 0, max_length: int | None = None) -> list[str]:
    """Draw chains of fragments: small molecules, all valid, for trying things without data.

    Args:
        n: how many; some are drawn twice.
        random_state: of the draws.
        max_length: molecules with as many tokens, or more, are left out of these; None for no limit.
    """
    random = np.random.default_rng(as_seed(random_state))

    def chain() -> str:
        inner = (_MIDDLE[random.integers(len(_MIDDLE))] for _ in range(random.integers(1, 5)))
        return "".join([_FIRST[random.integers(len(_FIRST))], *inner, _LAST[random.integers(len(_LAST))]])

    return _short((chain() for _ in range(n)), max_length)
