"""The page: its arithmetic is torch's, its controls move its picture, and it is one file that loads nothing."""

import html
import json
import re
import shutil
import statistics
import subprocess
from importlib import resources
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

from gan_ext.explorer import export_layers, write_explorer
from gan_ext.latents import Bernoulli, Categorical, Gaussian, Product, Uniform
from gan_ext.nets import (
    ConcatenatedGenerator,
    GaussianNoise,
    Linear,
    WeightNormLinear,
    conv_conditional_generator,
    conv_generator,
    mlp_conditional_generator,
    mlp_generator,
)

SEEN = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, SEEN)), None)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--virtual-time-budget=10000",
    "--dump-dom",
]
NODE = shutil.which("node")
browser = pytest.mark.skipif(CHROMIUM is None, reason=f"needs a browser: none of {', '.join(SEEN)} is installed")
node = pytest.mark.skipif(NODE is None, reason="needs Node.js: node is not installed")

CODES = Product(digit=Categorical(3), style=Uniform(2, -1, 1), on=Bernoulli(2), width=Gaussian(1))
NOISE = Uniform(5, -1, 1)


def used(generator: nn.Module, inputs: int) -> nn.Module:
    """Give every layer weights and statistics of its own, as training does."""
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
        for _ in range(30):
            generator(torch.randn(16, inputs))
    return generator


def odd_generator() -> nn.Module:
    """Return a net of 6 numbers with the layers and options that the nets of the package lack."""
    return nn.Sequential(
        nn.Sequential(nn.Linear(6, 24), nn.Identity(), nn.Tanh()),
        nn.Unflatten(1, (4, 3, 2)),
        nn.BatchNorm2d(4),  # behind no matrix of its channels
        nn.LeakyReLU(0.3),
        nn.ConvTranspose2d(4, 5, (3, 2), stride=(2, 1), padding=(1, 0), output_padding=(1, 0)),
        nn.BatchNorm2d(5, affine=False),
        nn.Softplus(beta=2),
        nn.Upsample(scale_factor=(1, 2), mode="nearest"),
        nn.Dropout(0.5),
        spectral_norm(nn.Conv2d(5, 3, 3, padding=1)),
        nn.ReLU(),
        nn.Conv2d(3, 2, 2, stride=(2, 1), padding=(0, 1), bias=False),
        nn.Flatten(),
        GaussianNoise(0.3),
        weight_norm(Linear(2 * 3 * 7, 8)),
        nn.BatchNorm1d(8),
        WeightNormLinear(8, 5),
    )


GENERATORS = {
    "conv": (lambda: conv_generator((1, 8, 8), 9, channels=8), 9),
    "mlp": (lambda: mlp_generator((4, 3), 9, (16, 16)), 9),
    "odd": (odd_generator, 6),
}


def run_node(script: str) -> Any:
    net = resources.files("gan_ext.explorer").joinpath("net.js").read_text(encoding="utf-8")
    done = subprocess.run([NODE, "-"], input=f"{net}\n{script}", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def data_of(path: Path) -> dict[str, Any]:
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', path.read_text(), re.DOTALL)
    return json.loads(found[1])


@node
@pytest.mark.parametrize(("precision", "near"), [("float32", 1e-4), ("float16", 1e-2)])
@pytest.mark.parametrize("name", GENERATORS)
def test_javascript_computes_what_torch_does(name: str, precision: str, near: float, tmp_path: Path) -> None:
    make, inputs = GENERATORS[name]
    generator = used(make(), inputs)
    layers, shape = export_layers(generator, inputs)
    z = torch.randn(4, inputs)
    with torch.no_grad():
        wanted = generator.eval()(z)
    assert shape == wanted.shape[1:]
    assert wanted.std(0).max() > 0.05, "a constant would prove nothing"
    path = tmp_path / "page.html"
    write_explorer(path, generator, Gaussian(inputs), None, (prod(shape),), precision=precision)
    page = data_of(path)
    assert [layer["op"] for layer in page["layers"]] == [layer["op"] for layer in layers]
    made = run_node(
        f"const page = {json.dumps(page)}, weights = Net.decode(page.weights, page.precision);"
        f"console.log(JSON.stringify({z.tolist()}.map((z) => [...Net.run(page.layers, weights, z)])));"
    )
    torch.testing.assert_close(torch.tensor(made), wanted.flatten(1), rtol=0, atol=near)


@node
@pytest.mark.parametrize("kind", ["norms", "concatenated", "table"])
def test_generators_that_are_told_a_class_run_too(kind: str, tmp_path: Path) -> None:
    make = {
        "norms": lambda: conv_conditional_generator((1, 8, 8), 4, 3, channels=6),
        "concatenated": lambda: ConcatenatedGenerator(conv_generator((1, 8, 8), 7, channels=6), 3),
        "table": lambda: mlp_conditional_generator((5,), 4, 3, (8, 8)),
    }
    generator, z, y = make[kind](), torch.randn(6, 4), torch.tensor([0, 1, 2, 0, 1, 2])
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
        for _ in range(20):
            generator(z, y)
        wanted = generator.eval()(z, y)
        other = generator(z, (y + 1) % 3)
    assert (wanted - other).abs().max() > 0.05, "the class counts for nothing"
    path, codes = tmp_path / "page.html", Product(label=Categorical(3))
    write_explorer(path, generator, codes, Gaussian(4), wanted.shape[1:], precision="float32")
    inputs = torch.cat([z, torch.eye(3)[y]], 1).tolist()
    made = run_node(
        f"const page = {json.dumps(data_of(path))}, weights = Net.decode(page.weights, page.precision);"
        f"console.log(JSON.stringify({inputs}.map((z) => [...Net.run(page.layers, weights, z)])));"
    )
    torch.testing.assert_close(torch.tensor(made), wanted.flatten(1), rtol=0, atol=1e-4)
    with pytest.raises(ValueError, match=r"told one of 3 classes: the last code must be Categorical\(3\)"):
        write_explorer(path, generator, Product(label=Categorical(3), c=Uniform(2)), Gaussian(2), wanted.shape[1:])


@node
def test_half_numbers_are_read_exactly() -> None:
    numbers = np.array([0, 1, -2, 1 / 3, 65504, -6e-8, 6.1e-5, 3e-5], np.float16)
    script = f"""const text = Buffer.from({list(numbers.tobytes())}).toString("base64");
        console.log(JSON.stringify([...Net.decode(text, "float16")]));"""
    assert run_node(script) == numbers.astype(float).tolist()


def test_norms_are_folded_where_they_can_be() -> None:
    layers, shape = export_layers(odd_generator(), 6)
    ops = "linear tanh affine leaky_relu deconv softplus upsample conv relu conv linear linear"
    assert " ".join(layer["op"] for layer in layers) == ops
    assert shape == (5,)


def test_exporting_leaves_the_generator_as_it_was() -> None:
    generator = used(odd_generator(), 6)
    generator[4].eval()
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    modes = [module.training for module in generator.modules()]
    export_layers(generator, 6)
    assert modes == [module.training for module in generator.modules()]
    for name, value in generator.state_dict().items():
        assert torch.equal(value, before[name]), name


class Strange(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x


def hooked() -> nn.Module:
    layer = nn.Linear(6, 2)
    layer.register_forward_hook(lambda *_: None)
    return layer


@pytest.mark.parametrize(
    ("layers", "match"),
    [
        ([Strange()], r"Layer '0' \(Strange\) is none the page can run. The page runs nn.Sequential"),
        ([nn.Sequential(nn.GELU())], r"Layer '0.0' \(GELU\)"),
        ([hooked()], "has hooks, which the page cannot run"),
        ([nn.Linear(7, 2)], r"takes 7 numbers, but gets \[6\]"),
        ([nn.Unflatten(1, (6, 1, 1)), nn.Conv2d(6, 6, 1, groups=2)], "has groups, dilation or a padding"),
        ([nn.Unflatten(1, (6, 1, 1)), nn.Conv2d(6, 6, 1, padding="same")], "has groups, dilation or a padding"),
        (
            [nn.Unflatten(1, (6, 1, 1)), nn.Conv2d(6, 6, 1, padding_mode="circular")],
            "has groups, dilation or a padding",
        ),
        ([nn.ConvTranspose2d(6, 1, 2)], r"takes \[6, height, width\], but gets \[6\]"),
        ([nn.BatchNorm1d(6, track_running_stats=False)], "keeps no running statistics"),
        ([nn.BatchNorm1d(5)], r"takes 5 channels, but gets \[6\]"),
        ([nn.Unflatten(1, (6, 1, 1)), nn.Upsample(scale_factor=2, mode="bilinear")], "mode 'nearest'"),
        ([nn.Unflatten(1, (4, 2))], r"cannot take \[6\]"),
    ],
)
def test_layers_the_page_cannot_run_are_refused_by_name(layers: list[nn.Module], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        export_layers(nn.Sequential(*layers), 6)


def test_weights_that_are_not_finite_or_too_large_are_refused(tmp_path: Path) -> None:
    generator = nn.Sequential(nn.Linear(2, 2))
    with torch.no_grad():
        generator[0].weight.fill_(1e5)
    with pytest.raises(ValueError, match="larger than 65504, the largest float16: use precision='float32'"):
        write_explorer(tmp_path / "no.html", generator, Uniform(2), None, (2,))
    with torch.no_grad():
        generator[0].weight.fill_(torch.nan)
    with pytest.raises(ValueError, match=r"Layer '0' .* not finite"):
        write_explorer(tmp_path / "no.html", generator, Uniform(2), None, (2,))


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"precision": "int8"}, "precision must be"),
        ({"sample_shape": (5,)}, r"makes \[1, 4, 4\], which is not sample_shape=\[5\]"),
        ({"noise": Uniform(3)}, r"takes 12 numbers, but gets \[10\]"),
        ({"sample_shape": (2, 2, 4)}, "are no images"),
        ({"sample_shape": (16,), "image_shape": (3, 5)}, r"image_shape=\(3, 5\) are no images"),
        ({"feature_names": ["a"]}, "feature_names has 1 names, but a sample has 16 features"),
        ({"scale": [1.0, 2.0]}, "scale must be one finite number, or 16 of them"),
        ({"shift": float("nan")}, "shift must be one finite number"),
        ({"limits": (1, 0)}, "limits must be"),
        ({"labels": {"digit": ["one"]}}, "labels has 1 names for 'digit'; the codes and their sizes are"),
        ({"labels": {"color": ["red"]}}, "labels has 1 names for 'color'"),
        ({"tables": {"counts": (np.eye(2), ["a"], ["b", "c"])}}, r"Table 'counts' is \[2, 2\], but has 1 row names"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(changes: dict[str, Any], match: str, tmp_path: Path) -> None:
    codes, path = Product(digit=Categorical(5), style=Uniform(2)), tmp_path / "no.html"
    given = {"generator": conv_generator((1, 4, 4), 12, 4), "codes": codes, "noise": NOISE, "sample_shape": (1, 4, 4)}
    with pytest.raises(ValueError, match=match):
        write_explorer(path, **(given | changes))
    assert not path.exists()


def image_page(path: Path, **more: Any) -> nn.Module:
    generator = used(conv_generator((1, 8, 8), NOISE.dim + CODES.dim, channels=8), NOISE.dim + CODES.dim)
    write_explorer(path, generator, CODES, NOISE, (1, 8, 8), precision="float32", **more)
    return generator.eval()


def test_no_text_breaks_out_of_the_page_and_nothing_points_to_the_network(tmp_path: Path) -> None:
    evil = "</script><script>alert(1)</script><!-- {{page.js}} & \u2028"
    path = tmp_path / "page.html"
    tables = {evil: ([[1, float("nan")]], [evil], [evil, "b"])}
    image_page(path, title=evil, text=f"{evil}\n\nsecond", labels={"digit": [evil, "b", "c"]}, tables=tables)
    text = path.read_text(encoding="utf-8")
    assert text.count("<script") == text.count("</script>") == 3
    assert "<script>alert" not in text
    assert not re.search(r"https?://|\bsrc=|\bhref=|@import|url\(", text)
    page = data_of(path)
    assert page["title"] == evil
    assert page["text"] == [evil.strip(), "second"]
    assert page["tables"][0]["cells"] == [[1, None]]
    assert page["controls"][0]["labels"][0] == evil


def test_controls_tell_columns_kinds_and_ranges_also_of_nested_codes(tmp_path: Path) -> None:
    codes = Product(digit=Categorical(2, shares=torch.tensor([1.0, 3.0])), rest=Product(on=Bernoulli(1), w=Gaussian(1)))
    path = tmp_path / "page.html"
    write_explorer(path, nn.Sequential(nn.Linear(6, 4)), codes, Gaussian(2, scale=0.1), (4,), image_shape=(2, 2))
    page = data_of(path)
    assert [(c["name"], c["kind"], c["start"], c["size"]) for c in page["controls"]] == [
        ("digit", "category", 2, 2), ("on", "choice", 4, 1), ("w", "slider", 5, 1),
    ]  # fmt: skip
    assert page["controls"][0]["shares"] == pytest.approx([0.25, 0.75])
    assert page["controls"][1]["values"] == [0, 1]
    assert page["noise"][0]["high"] == pytest.approx(0.2)
    middle = page["noise"][0]["quantiles"]
    assert middle[80] == 0
    assert middle[80 + 8] == pytest.approx(0.1 * statistics.NormalDist().inv_cdf(1 / (1 + np.exp(-1))), rel=1e-4)
    assert page["image"] == [1, 2, 2]


# In a browser: a script at the end of a copy of the page moves its controls and writes down what happened.


def played(path: Path, script: str, tmp_path: Path) -> Any:
    """Return what `script`, the body of a function, returns in the page; fail on any message to the console."""
    probe = (
        "<script>const move = (input, value) => { input.value = value; input.dispatchEvent(new Event('input')); };"
        "const pixels = (canvas) => { const { width, height } = canvas, copy = document.createElement('canvas');"
        "Object.assign(copy, { width, height }); const context = copy.getContext('2d', { willReadFrequently: true });"
        "context.drawImage(canvas, 0, 0);"
        "return [...context.getImageData(0, 0, width, height).data].filter((_, i) => i % 4 === 0); };"
        "const result = document.createElement('pre'); result.id = 'result';"
        f"result.textContent = JSON.stringify((() => {{ {script} }})()); document.body.append(result);</script>"
    )
    copy = tmp_path / "played.html"
    copy.write_text(path.read_text(encoding="utf-8") + probe, encoding="utf-8")
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", copy.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    said = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert not said, said
    found = re.search(r'<pre id="result">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stderr
    return json.loads(html.unescape(found[1]))


def gray(generator: nn.Module, latents: list[list[float]]) -> np.ndarray:
    with torch.no_grad():
        made = generator(torch.tensor(latents))
    return (255 * made).round().flatten(1).numpy()


@browser
def test_every_control_moves_the_picture_to_what_torch_makes(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    generator = image_page(path, title="Codes", labels={"style": ["slant", "weight"]})
    script = """
        const seen = {}, look = (name) => {
          explorer.settle();
          seen[name] = { latent: [...explorer.latent()], pixels: pixels(document.getElementById('picture')) };
        };
        const side = document.getElementById('codes');
        look('start');
        move(side.querySelector('input[type=range]'), 0.75); look('slider');
        side.querySelectorAll('input[type=radio]')[2].click(); look('category');
        const tiles = [...side.querySelectorAll('.thumb canvas')].map(pixels);
        side.querySelectorAll('input[type=checkbox]')[1].click(); look('switch');
        document.getElementById('draw').click(); look('noise');
        move(document.getElementById('strength'), 0); look('quiet');
        const strip = [...document.querySelectorAll('#strip .thumb')];
        const strips = strip.map((button) => pixels(button.querySelector('canvas')));
        strip[0].click(); look('strip');
        document.getElementById('reset').click(); look('reset');
        return { seen, tiles, strips, title: document.querySelector('h1').textContent,
          alarm: document.getElementById('alarm').hidden, difference: explorer.difference,
          loaded: performance.getEntriesByType('resource').map((entry) => entry.name),
          names: [...document.querySelectorAll('input')].map((input) => input.labels[0]?.textContent.trim()),
          strip: document.getElementById('strip-title').textContent };
    """
    result = played(path, script, tmp_path)
    seen = result["seen"]
    latents = np.array([part["latent"] for part in seen.values()])
    wanted = gray(generator, latents.tolist())
    np.testing.assert_allclose([part["pixels"] for part in seen.values()], wanted, atol=1)
    assert all(seen[a]["pixels"] != seen[b]["pixels"] for a, b in zip(seen, [*seen][1:], strict=False))
    assert seen["reset"] == seen["start"]
    at = {name: dict(zip(seen, column, strict=True)) for name, column in enumerate(latents.T)}
    assert (at[8]["start"], at[8]["slider"], at[8]["strip"]) == (0, 0.75, -1)
    assert [at[5 + k]["category"] for k in range(3)] == [0, 0, 1]
    assert (at[10]["switch"], at[11]["switch"]) == (0, 1)
    changed = {name: [n for n in range(13) if at[n][name] != at[n][before]]
               for before, name in zip(seen, [*seen][1:], strict=False)}  # fmt: skip
    assert changed["slider"] == [8]
    assert changed["category"] == [5, 7]
    assert changed["noise"] == [0, 1, 2, 3, 4]
    assert latents[[*seen].index("quiet"), :5].tolist() == [0] * 5
    # The tile of the category that is chosen is the picture; the others are what choosing them would give.
    assert result["tiles"][2] == seen["category"]["pixels"]
    others = np.tile(seen["category"]["latent"], (2, 1))
    others[:, 5:8] = np.eye(3)[:2]
    np.testing.assert_allclose(result["tiles"][:2], gray(generator, others.tolist()), atol=1)
    assert result["strips"][0] == seen["strip"]["pixels"]
    assert len(result["strips"]) == 9
    assert result["alarm"]
    assert result["difference"] < 1e-5
    assert result["loaded"] == []
    assert all(result["names"]), "every input has a label"
    assert (result["title"], result["strip"]) == ("Codes", "What slant does")


class Steps(Bernoulli):
    """A code of one's own, of three values."""

    def shares(self) -> Tensor:
        return torch.tensor([0.2, 0.5, 0.3])

    def values(self, steps: int = 9) -> list[float]:
        return [-1.0, 0.3, 2.0]


@browser
def test_codes_of_a_few_values_have_a_list_to_choose_from_and_are_drawn_by_their_shares(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    generator = used(mlp_generator((2,), 4, (8,), output=nn.Identity()), 4).eval()
    write_explorer(path, generator, Product(step=Steps(1)), Product(a=Steps(2), b=Gaussian(1)), (2,))
    script = """
        const list = document.querySelector('#codes select'), first = [...explorer.latent()][3];
        list.value = 2; list.dispatchEvent(new Event('change'));
        const noises = Array.from({ length: 2000 }, (_, seed) => [...explorer.latent(undefined, seed + 1)][1]);
        return { first, second: [...explorer.latent()][3], shown: list.value, noises,
          names: [...list.options].map((option) => option.textContent), label: list.labels[0].textContent };
    """
    result = played(path, script, tmp_path)
    assert (result["first"], result["second"], result["shown"], len(result["names"])) == (-1, 2, "2", 3)
    assert result["label"].startswith("step")
    values, counts = np.unique(np.round(result["noises"], 6), return_counts=True)
    assert values.tolist() == [-1, 0.3, 2]
    np.testing.assert_allclose(counts / 2000, [0.2, 0.5, 0.3], atol=0.04)


@browser
def test_a_table_shows_features_in_their_own_units(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    codes, noise = Product(kind=Categorical(2), c=Uniform(1, -1, 1)), Gaussian(3)
    generator = used(mlp_generator((2,), 6, (8,), output=nn.Identity()), 6).eval()
    write_explorer(path, generator, codes, noise, (2,), scale=[10, 100], shift=[5, -50],
                   feature_names=["age", "income"], tables={"counts": ([[3, 0]], ["kind 0"], ["a", "b"])})  # fmt: skip
    script = """
        const values = () => [...document.querySelectorAll('#features tbody .number')].map((cell) => cell.textContent);
        const first = values();
        document.querySelectorAll('input[type=radio]')[1].click();
        const noises = Array.from({ length: 1500 }, (_, seed) => [...explorer.latent(undefined, seed + 1)].slice(0, 3));
        return { first, second: values(), latent: [...explorer.latent()], noises: noises.flat(),
          names: [...document.querySelectorAll('#features tbody th')].map((cell) => cell.textContent),
          cells: [...document.querySelectorAll('#tables td')].map((cell) => cell.textContent),
          lines: [...document.querySelectorAll('.line')].map((line) => new Set(pixels(line)).size),
          picture: document.getElementById('picture').hidden };
    """
    result = played(path, script, tmp_path)
    with torch.no_grad():
        wanted = generator(torch.tensor([result["latent"]]))[0] * torch.tensor([10, 100]) + torch.tensor([5, -50])
    read = [float(text.replace("\N{MINUS SIGN}", "-")) for text in result["second"]]
    assert read == pytest.approx(wanted.tolist(), rel=0.01, abs=0.3)
    assert result["first"] != result["second"]
    assert result["names"] == ["age", "income"]
    assert result["cells"] == ["", "3", "0"]
    assert min(result["lines"]) > 1, "lines are drawn"
    assert result["picture"]
    noises = np.array(result["noises"])  # 4500 draws: deviations of mean and variance are 0.015 and 0.021
    assert noises.mean() == pytest.approx(0, abs=0.06)
    assert noises.var() == pytest.approx(1, abs=0.09)


@browser
def test_a_page_that_computes_something_else_says_so(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    image_page(path)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("(v) => Math.max(v, 0)", "(v) => Math.abs(v)"), encoding="utf-8")
    assert played(path, "return document.getElementById('alarm').textContent;", tmp_path).startswith(
        "This page does not"
    )
    path.write_text(text.replace("const explorer =", "console.error('oops'); const explorer ="), encoding="utf-8")
    with pytest.raises(AssertionError, match="oops"):
        played(path, "return 0;", tmp_path)
