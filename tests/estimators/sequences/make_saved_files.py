"""Write the files in `saved_1`: models that `SequenceGAN.save` wrote in the first format, and what they answer.

They are never made again: later versions must read these very files.  Run it only into a new folder, for a new format.
"""

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

from gan_ext import SequenceGAN
from gan_ext.games import LeakGAN
from gan_ext.nets import CNNDiscriminator, LeakyGenerator, LSTMGenerator

LINES = ["a cat sat", "a dog sat", "the cat ran", "the dog ran off", "a cat ran off", "the dog sat"]
LSTM = partial(LSTMGenerator, embedding=4, hidden=8)
CNN = partial(CNNDiscriminator, widths=(1, 2), filters=(4, 4), embedding=4)
LEAKY = partial(LeakyGenerator, embedding=4, hidden=8, goal=3, horizon=2)

CASES: dict[str, tuple[dict[str, Any], list[Any] | None, dict[str, Any]]] = {
    "words": ({"generator": LSTM, "discriminator": CNN}, None, {"generator": LSTM}),
    "characters": ({"objective": None, "tokenizer": "char", "generator": LSTM}, None, {"generator": LSTM}),
    "classes": ({"generator": LSTM, "discriminator": CNN}, ["cat", "dog"] * 3, {"generator": LSTM}),
    "leaky": (
        {"objective": partial(LeakGAN, rollouts=1), "generator": LEAKY, "discriminator": CNN},
        None,
        {"generator": LEAKY, "discriminator": CNN},
    ),
}
"""By the name of the file: parameters, labels, and what `load` is given."""


def answers(model: SequenceGAN) -> dict[str, Any]:
    """Return what is asked of a model and its file alike."""
    return {
        "samples": [str(sample) for sample in model.sample(5, random_state=3)],
        "perplexity": None if len(model.classes_) else float(model.perplexity(LINES)),
        "classes": [str(name) for name in model.classes_],
        "steps": [int(model.n_iter_), int(model.best_step_)],
        "history": len(model.history_),
    }


def main(folder: Path) -> None:
    """Fit, save and ask every model."""
    folder.mkdir()
    said = {}
    for name, (parameters, labels, _) in CASES.items():
        settings = {"likelihood_iter": 3, "warm_up_iter": 1, "max_iter": 1, "batch_size": 4, "guard": False}
        model = SequenceGAN(**{**settings, "random_state": 1, "device": "cpu", **parameters}).fit(LINES, labels)
        model.save(folder / f"{name}.safetensors")
        said[name] = answers(model)
    (folder / "answers.json").write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
