"""Sort texts from a few labels, on features of an extractor of your own or of scikit-learn.

    python recipes/semi_supervised_text.py --data FOLDER --out runs/text
    python recipes/semi_supervised_text.py --shakespeare input.txt

FOLDER has one .txt file for each class, a text a line; --data may also be a .csv or .tsv file with two columns, text
and label.  --shakespeare reads a file of plays (a name and a colon, then lines) and asks who speaks.  Features are
words weighed by tf-idf, reduced to 100 numbers.  Any transformer of scikit-learn, or any function from a list of
texts to an array, may stand in their place; with `recipes` as the working folder:

    from semi_supervised_text import Config, main
    main(Config(data=Path("reviews.csv")), extractor=SentenceTransformer("...").encode)

A third of the texts is held out, the same for all seeds; of the others, the seed decides which show their label.  An
extractor that learns is fitted on those others, without labels.  Leaves in --out result.json and a picture; --resume
skips fits that a killed run has finished.
"""

import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer
from sklearn.semi_supervised import LabelSpreading

from gan_ext import SemiSupervisedGANClassifier, SemiSupervisedProtocol
from gan_ext.data import DataError, read_labeled_texts, read_speeches
from gan_ext.estimators import LabeledOnly, ProtocolResult
from gan_ext.runs import Experiment, Seeds, Spread, at_least, launch, named, spread

Array = NDArray[Any]
Extractor = Callable[[list[str]], Any]


@dataclass
class Config(Seeds):
    """Settings of the recipe."""

    data: Path | None = None
    """Folder with a .txt file for each class, or a .csv or .tsv file with the columns text and label."""
    shakespeare: Path | None = None
    """A file of plays; the task is to tell who speaks."""
    speakers: int = 4
    """Speakers of --shakespeare, those with most speeches."""
    out: Path = Path("runs/semi_supervised_text")
    labels: tuple[int, ...] = (5, 20, 50)
    """Labels per class."""
    seeds: int = 5
    steps: int = 300
    """Training steps of one fit of ours."""
    features: int = 100
    """Numbers that the embedded extractor makes of a text, at most."""
    jobs: int = 1
    """Fits at a time; more than one gives each a process with one thread."""


def load(config: Config) -> tuple[list[str], Array]:
    """Return texts and the names of their classes."""
    if (config.data is None) == (config.shakespeare is None):
        raise DataError("Pass texts either by --data or by --shakespeare.")
    if config.shakespeare is not None:
        pairs = read_speeches(config.shakespeare, config.speakers)
    else:
        assert config.data is not None
        pairs = read_labeled_texts(config.data)
    counts = Counter(label for _, label in pairs)
    if len(counts) < 2 or min(counts.values()) < 3:
        raise DataError(f"Texts of two classes at least are needed, three of each; found {dict(counts)}.")
    return [text for text, _ in pairs], np.array([label for _, label in pairs])


def words(features: int) -> Any:
    """Return the embedded extractor: tf-idf of words, reduced by latent semantic analysis, of length 1."""
    return make_pipeline(TfidfVectorizer(sublinear_tf=True), TruncatedSVD(features, random_state=0), Normalizer())


def extract(extractor: Any, train: list[str], test: list[str]) -> tuple[Array, Array]:
    """Return features of both parts; an extractor that learns sees the training part only."""
    if hasattr(extractor, "transform"):
        fitted = clone(extractor)
        found = fitted.fit_transform(train), fitted.transform(test)
    else:
        found = extractor(train), extractor(test)
    parts = [np.asarray(part.toarray() if hasattr(part, "toarray") else part, np.float64) for part in found]
    for part, texts in zip(parts, (train, test), strict=True):
        if part.ndim != 2 or len(part) != len(texts):
            raise DataError(
                f"The extractor must make a row of numbers of each of {len(texts)} texts, got {part.shape}."
            )
    return parts[0], parts[1]


def methods(config: Config) -> dict[str, Any]:
    """Return ours and the methods it is measured by (no setting was tuned, theirs or ours)."""
    gan = SemiSupervisedGANClassifier(max_iter=config.steps, device=config.device, checkpoint=config.fits)
    return {
        "semi-supervised GAN": gan,
        "label spreading": LabelSpreading(kernel="knn", n_neighbors=10, max_iter=500),
        "logistic regression, labeled rows only": LabeledOnly(LogisticRegression(C=10, max_iter=1000)),
    }


def accuracies(result: ProtocolResult, config: Config) -> dict[str, Spread]:
    """Return the accuracy in percent, over seeds, of every method and number of labels."""
    return {
        f"{method}, {labels} per class": spread(100 - 100 * error for error in result.summary(method, count).errors)
        for method in result.estimators
        for labels, count in zip(config.labels, result.n_labeled)
    }


def main(config: Config, extractor: Any = None) -> ProtocolResult:
    """Run all methods on the features of an extractor, the embedded one if there is no other."""
    at_least(config, 1, "labels", "seeds", "steps", "jobs", "speakers", "features")
    texts, names = load(config)
    classes, y = np.unique(names, return_inverse=True)
    rows = train_test_split(np.arange(len(y)), test_size=1 / 3, stratify=y, random_state=0)
    x_train, x_test = extract(extractor or words(config.features), *([texts[i] for i in part] for part in rows))
    run = Experiment("semi_supervised_text", config, free=("labels",))
    counts = [count * len(classes) for count in config.labels]
    protocol = SemiSupervisedProtocol(counts, config.each_seed(), n_jobs=config.jobs, measure_every=0, verbose=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # label spreading warns of texts that no label reaches
        folder = config.out / "rows"
        result = protocol.run(methods(config), x_train, y[rows[0]], x_test, y[rows[1]], folder=folder)

    print(result)
    print(f"The largest class alone: error {1 - np.bincount(y[rows[1]]).max() / len(rows[1]):.1%}.")
    if len(config.labels) > 1:
        result.draw(config.out / "learning_curves.png")
    run.finish(
        named(accuracies(result, config), ", mean", digits=3, alone=True),
        f"accuracy in % on {len(x_test)} held-out texts of {len(classes)} classes, after the last step",
        config.steps * len(counts) * config.seeds,
        sum(cell.seconds for cell in result.cells),
        classes=classes.tolist(),
        cells=[cell._asdict() for cell in result.cells],
    )
    return result


if __name__ == "__main__":
    launch(main, Config)
