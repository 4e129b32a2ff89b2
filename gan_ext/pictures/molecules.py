"""Pictures of molecules (needs rdkit, in the extra ``smiles``)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["draw_molecules"]


def draw_molecules(path: str | Path, groups: Mapping[str, Sequence[tuple[str, str]]], columns: int = 4) -> bool:
    """Draw groups of molecules, each from a row of its own on; say so and draw nothing if rdkit cannot draw here.

    Args:
        path: the picture's file.
        groups: name to (SMILES, note) of its molecules; a note stands after the name, and may be empty.
        columns: molecules in a row.

    Returns:
        Whether the picture was drawn.
    """
    try:
        from rdkit.Chem import Draw, MolFromSmiles
    except ImportError as error:
        print(f"Molecules are not drawn, for rdkit cannot draw here ({error}).")
        return False
    molecules, legends = [], []
    for name, group in groups.items():
        gap = -len(group) % columns
        molecules += [MolFromSmiles(smiles) for smiles, _ in group] + [None] * gap
        legends += [": ".join(filter(None, (name, note))) for _, note in group] + [""] * gap
    picture = Draw.MolsToGridImage(
        molecules, molsPerRow=columns, subImgSize=(260, 200), legends=legends, returnPNG=False, useSVG=False
    )
    picture.save(path)
    return True
