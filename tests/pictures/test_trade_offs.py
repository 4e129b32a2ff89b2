"""Pictures of trade-offs and of molecules: written, with what is not known left out."""

import pytest

from gan_ext.pictures import Setting, draw_molecules, draw_trade_offs


def test_trade_offs_are_drawn_with_gaps(tmp_path):
    ways = {
        "a": [
            Setting("strength 1", 10.0, {"x": 1.0, "cost": 2.0}),
            Setting("strength 2", 20.0, {"x": None, "cost": 4}),
        ],
        "b": [Setting("of 2", 5.0, {"x": 2.0, "cost": 8.0})],
    }
    start, real = ("start", Setting("", 1.0, {"x": 0.5, "cost": None})), ("real", {"x": 0.1})
    path = tmp_path / "own.png"
    draw_trade_offs(path, ways, {"x": "an x", "cost": "a cost"}, "hits", start, real, costs=("cost",))
    assert path.read_bytes().startswith(b"\x89PNG")


def test_molecules_are_drawn_in_rows(tmp_path, capsys):
    pytest.importorskip("rdkit")
    path = tmp_path / "own.png"
    if draw_molecules(path, {"first": [("CCO", "0.5")] * 5, "second": [("C", "")]}):
        assert path.read_bytes().startswith(b"\x89PNG")
    else:
        assert "Molecules are not drawn, for rdkit cannot draw here" in capsys.readouterr().out
