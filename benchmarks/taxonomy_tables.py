"""Tables of the taxonomy: the ring, images, the time of samples, and the survey's claims with their verdicts."""

from collections.abc import Callable
from math import isnan
from typing import Any

Load = Callable[[str], dict[str, Any]]
Lines = Callable[[list[str], list[list[str]]], str]
Source = Callable[[dict[str, Any], str], str]

NAME = "taxonomy"
BRANCHES = {
    "autoregressive": ("explicit, tractable", "an order of the numbers; masks, so that none sees a later one"),
    "flow": (
        "explicit, tractable",
        "invertible, known Jacobian; as many latents as numbers; no bits as they are",
    ),
    "variational": ("explicit, a bound", "a posterior with a density, and a law of the data given the code"),
    "Boltzmann": ("explicit up to a constant", "bits, and no weights within a layer"),
    "generative stochastic": ("implicit, a Markov chain", "a law of the data given their corruption"),
    "GAN": ("implicit, direct", "differentiable from the latent to the data, so no bits as they are"),
    "GAN, likelihood": ("implicit, direct", "as above, and a discriminator near its best"),
}
KINDS = {
    "exact": "exact", "importance": "estimate: importance sampling", "annealed": "estimate: annealed",
    "conservative": "estimate: 5000 states of the chain", "Parzen": "estimate: Parzen windows",
    "annealed, noise assumed": "estimate: annealed, of the generator with flipped pixels",
}  # fmt: skip


def ring(load: Load, lines: Lines, source: Source) -> str:
    """Lay out the ring: a row for each branch."""
    result = load(NAME)
    real = result["real"]["ring"]
    rows = [[
        "real points", f"{real['nll']:.3f}", "the true density", "0", "0",
        _pair(real["parzen forward kl"], real["parzen reverse kl"]), f"{100 * real['good']:.1f}",
        f"{real['modes']:.0f}", "", "",
    ]]  # fmt: skip
    for row in result["config"]["rows"]:
        kind = _kind(result, "ring", row)
        rows.append([
            row, _cell(result, "ring", row, "nll", 3), KINDS[kind] if kind != "Parzen" else "none",
            _cell(result, "ring", row, "forward kl", 3), _cell(result, "ring", row, "reverse kl", 2),
            _pair(*(result["metrics"][f"ring, {row}, parzen {way} kl"] for way in ("forward", "reverse"))),
            _cell(result, "ring", row, "good", 1, 100),
            _cell(result, "ring", row, "modes", 1), _cell(result, "ring", row, "parameters", 0),
            _cell(result, "ring", row, "seconds", 1),
        ])  # fmt: skip
    heading = [
        "ring", "NLL", "which is", "KL(p, model)", "KL(model, p)", "both by Parzen windows", "good samples, %", "modes",
        "parameters", "s to train",
    ]  # fmt: skip
    return lines(heading, rows) + "\n\n" + _seeds(result) + source(result, NAME)


def images(load: Load, lines: Lines, source: Source) -> str:
    """Lay out the images: a row for each branch."""
    result = load(NAME)
    scores, real = ("precision", "recall", "density", "coverage"), result["real"]["images"]
    rows = [["real images", "", "", "", *(f"{real[score]:.2f}" for score in scores), f"{real['frechet']:.1f}", "", ""]]
    for row in result["config"]["rows"]:
        rows.append([
            row, _cell(result, "images", row, "nll", 1), KINDS[_kind(result, "images", row)],
            _cell(result, "images", row, "bound", 1), *(_cell(result, "images", row, score, 2) for score in scores),
            _cell(result, "images", row, "frechet", 1), _cell(result, "images", row, "parameters", 0),
            _cell(result, "images", row, "seconds", 1),
        ])  # fmt: skip
    heading = ["images", "NLL", "which is", "from its bound", *scores, "Frechet", "parameters", "s to train"]
    setting = f"Nats for {result['images']['pixels']} pixels, {result['images']['test']} test images. "
    return lines(heading, rows) + "\n\n" + setting + _seeds(result) + source(result, NAME)


def drawing(load: Load, lines: Lines, source: Source) -> str:
    """Lay out the time of samples and what each branch asks of its nets."""
    result, rows = load(NAME), []
    sizes = [str(size) for size in result["config"]["sizes"]]
    for row, found in result["growth"].items():
        rows.append([
            row, *(f"{found['seconds'][size]:.2g}" for size in sizes), f"{found['exponent']:.2f}",
            " / ".join(str(found["passes"][size]) for size in sizes), *BRANCHES[row],
        ])  # fmt: skip
    heading = [
        "seconds for 10 000 samples", *(f"{size} pixels" for size in sizes), "exponent", "passes", "likelihood",
        "what it asks of nets and data",
    ]  # fmt: skip
    return lines(heading, rows) + "\n\n" + source(result, NAME)


def claims(load: Load, lines: Lines, source: Source) -> str:
    """Lay out the survey's claims with what was measured; verdicts follow from the numbers, by these rules."""
    result = load(NAME)
    metrics, growth = result["metrics"], result["growth"]

    def of(which: str, row: str, score: str) -> float:
        return metrics[f"{which}, {row}, {score}"]

    largest = str(max(result["config"]["sizes"]))
    ratio = growth["autoregressive"]["seconds"][largest] / growth["GAN"]["seconds"][largest]
    slopes = {row: growth[row]["exponent"] for row in growth}
    chain = growth["generative stochastic"]["seconds"][largest] / growth["GAN"]["seconds"][largest]
    walks = _walks(result, "generative stochastic")
    gap = of("images", "variational", "bound") - of("images", "variational", "nll")
    excess = of("ring", "variational", "forward kl")
    frechets = {row: of("images", row, "frechet") for row in result["config"]["rows"]}
    goods = {row: of("ring", row, "good") for row in result["config"]["rows"]}
    best, clean = min(frechets, key=frechets.__getitem__), max(goods, key=goods.__getitem__)
    spreads = {row: metrics.get(f"images, {row}, frechet, std", float("nan")) / frechets[row] for row in frechets}
    rest = [spreads[row] for row in ("autoregressive", "flow", "variational")]
    nlls = {row: of("images", row, "nll") for row in frechets}
    modes = {row: (of("ring", row, "modes"), of("images", row, "recall")) for row in ("GAN", "GAN, likelihood")}
    fewer = modes["GAN, likelihood"][0] < modes["GAN"][0] or modes["GAN, likelihood"][1] < modes["GAN"][1] - 0.02
    rows = [
        [
            "Samples come in parallel, not in time proportional to the dimension.",
            f"{largest} pixels: 1 pass against {largest}, {ratio:.0f} times faster than the autoregressive model; time "
            f"grows with exponent {slopes['GAN']:.2f} against {slopes['autoregressive']:.2f}. The variational "
            f"autoencoder ({slopes['variational']:.2f}) and the flow in couplings ({slopes['flow']:.2f}) do as well.",
            _verdict(ratio > 10, "holds; no longer special to GANs" if slopes["flow"] < 1.2 else "holds"),
        ],
        [
            "Few restrictions on the generator: no inverse, a latent of any length.",
            "16 latents for the images, where the flow needs one for each pixel; steps in the same time: "
            f"{of('images', 'GAN', 'steps'):.0f} against {of('images', 'flow', 'steps'):.0f}. But bits have no "
            "gradient: the GAN plays with gray values, and the table's last column has a condition for it too.",
            "**holds for continuous data**",
        ],
        [
            "No Markov chain is needed.",
            f"{growth['GAN']['passes'][largest]} pass against the {growth['generative stochastic']['passes'][largest]} "
            f"that a chain is given; the walkback chain takes {chain:.0f} times the time. On images it "
            f"reaches the Frechet distance of its last pass, {walks[-1]:.0f}, within a tenth after "
            f"{_settled(result, 'generative stochastic')} passes from noise.",
            _verdict(chain > 2, "holds"),
        ],
        [
            "No variational bound is needed, and a bound may be loose.",
            f"The bound lies {gap:.2f} nats ({100 * gap / of('images', 'variational', 'nll'):.1f} %) from the "
            f"importance-weighted estimate on images; on the ring the model is {excess:.2f} nats from the truth.",
            _verdict(gap > 0.05 * of("images", "variational", "nll"), "holds", "true, but the bound costs little here"),
        ],
        [
            "Samples are subjectively better.",
            f"Images, Frechet distance: best is {best}, {frechets[best]:.1f}; GAN {frechets['GAN']:.1f}. Ring, good "
            f"samples: best is {clean}, {100 * goods[clean]:.1f} %; GAN {100 * goods['GAN']:.1f} %.",
            _verdict(
                best == "GAN" and clean == "GAN", "holds",
                "holds on one of two" if "GAN" in (best, clean) else "does not hold at this size",
            ),
        ],
        [
            "A GAN has no likelihood to be judged by.",
            f"With annealed importance sampling and assumed noise: {nlls['GAN']:.1f} nats on images, against "
            f"{nlls['autoregressive']:.1f} exactly for the autoregressive model; four of the other five have "
            "a likelihood or a bound to stop by, the GANs have none.",
            _verdict(nlls["GAN"] > min(nlls.values()), "holds: only an estimate, and not the best"),
        ],
        [
            "Training is a game, harder than minimizing.",
            f"Spread of the Frechet distance over {result['config']['seeds']} seeds, a rough one: "
            f"{100 * spreads['GAN']:.0f} % for the GAN, "
            f"{100 * spreads['GAN, likelihood']:.0f} % with the likelihood's loss, {100 * min(rest):.0f} to "
            f"{100 * max(rest):.0f} % for models with a likelihood.",
            _verdict(
                spreads["GAN"] > 1.5 * max(rest), "holds", "holds for the likelihood's loss only"
                if spreads["GAN, likelihood"] > 1.5 * max(rest) else "not seen here",
            ),
        ],
        [
            "The divergence is not why generators drop modes (section 3.2.5).",
            f"Towards maximum likelihood the generator has {modes['GAN, likelihood'][0]:.1f} of 8 modes and recall "
            f"{modes['GAN, likelihood'][1]:.2f}; the GAN {modes['GAN'][0]:.1f} and {modes['GAN'][1]:.2f}.",
            _verdict(fewer, "holds: covering is not gained by the divergence", "not contradicted"),
        ],
    ]  # fmt: skip
    body = lines(["claim", "measured", "verdict"], rows).replace("| ---: |", "| --- |").replace("---:", "---")
    return body + "\n\n" + source(result, NAME)


def _verdict(true: bool, yes: str, no: str = "does not hold here") -> str:
    return f"**{yes if true else no}**"


def _pair(forward: float, reverse: float) -> str:
    return f"{forward:.2f} / {reverse:.2f}"


def _kind(result: dict[str, Any], which: str, row: str) -> str:
    return result["rows"][f"{which}_{row}_{result['config']['seed']}"]["kind"]


def _seeds(result: dict[str, Any]) -> str:
    count = result["config"]["seeds"]
    return f"Mean ± deviation of {count} seeds. " if count > 1 else "One seed. "


def _cell(result: dict[str, Any], which: str, row: str, score: str, digits: int, scale: float = 1) -> str:
    key = f"{which}, {row}, {score}"
    value = result["metrics"].get(key)
    if value is None or isnan(value):
        return ""
    spread = result["metrics"].get(f"{key}, std", 0.0) * scale
    return f"{value * scale:.{digits}f}" + (f" ± {spread:.{digits}f}" if spread >= 0.5 * 10**-digits else "")


def _walks(result: dict[str, Any], row: str) -> list[float]:
    return [walk["frechet"] for walk in result["rows"][f"images_{row}_{result['config']['seed']}"]["walks"].values()]


def _settled(result: dict[str, Any], row: str) -> str:
    walks = result["rows"][f"images_{row}_{result['config']['seed']}"]["walks"]
    last = _walks(result, row)[-1]
    return next(passes for passes, walk in walks.items() if walk["frechet"] <= 1.1 * last)
