"""Sprites: their order, their geometry against closed forms, and the streams and the file they come from."""

import io
import math
import pickle
import random
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from gan_ext.data import DataError, FactorialImages, Sprites, SpriteStream, StoredSprites, read_dsprites
from gan_ext.games import RealBatch

CPU = torch.device("cpu")
SQUARE, ELLIPSE, HEART = range(3)
WHOLE = Sprites()


def rows(**columns: int | range) -> Tensor:
    """Return all combinations of the values of factors; those not named are in the middle."""
    middle = {"shape": 0, "scale": 5, "orientation": 0, "x": 16, "y": 16} | columns
    values = [torch.tensor([value] if isinstance(value, int) else list(value)) for value in middle.values()]
    return torch.cartesian_prod(*values).view(-1, 5)


def distinct(images: Tensor) -> int:
    return len(torch.unique(images.flatten(1), dim=0))


def center_of_mass(images: Tensor) -> Tensor:
    """Return (x, y) in pixels [n, 2], the middle of the first pixel at 0.5."""
    places = torch.arange(images.shape[-1]) + 0.5
    mass = images.sum((1, 2, 3))
    return torch.stack([(images.sum(2) @ places)[:, 0] / mass, (images.sum(3) @ places)[:, 0] / mass], 1)


# --- factors and numbers ----------------------------------------------------------------------------------------------


def test_there_are_as_many_as_in_dsprites() -> None:
    assert len(WHOLE) == 737_280
    assert WHOLE.sizes == (3, 6, 40, 32, 32)
    assert WHOLE.factor_names == ("shape", "scale", "orientation", "x", "y")


def test_numbers_and_factors_are_one_to_one() -> None:
    numbers = torch.arange(len(WHOLE))
    factors = WHOLE.factors(numbers)
    assert torch.equal(WHOLE.index(factors), numbers)
    assert tuple((factors.amax(0) + 1).tolist()) == WHOLE.sizes
    assert not factors.amin(0).any()


@pytest.mark.parametrize("column", range(5))
def test_the_order_is_that_of_dsprites(column: int) -> None:
    """The file's step of a factor is the product of the sizes after it: y is fastest."""
    factors = torch.zeros(1, 5, dtype=torch.int64)
    factors[0, column] = 1
    assert WHOLE.index(factors).item() == (245760, 40960, 1024, 32, 1)[column]


def test_values_are_those_announced() -> None:
    ends = WHOLE.values(torch.tensor([[0, 0, 0, 0, 0], [2, 5, 39, 31, 31], [1, 1, 10, 1, 2]]))
    expected = [[1, 0.5, 0, 0, 0], [3, 1, 39 * math.pi / 20, 1, 1], [2, 0.6, math.pi / 2, 1 / 31, 2 / 31]]
    torch.testing.assert_close(ends, torch.tensor(expected))


def test_a_factor_of_one_value_is_in_the_middle() -> None:
    sprites = Sprites(16, 1, 1, 1, 1)
    factors = torch.zeros(1, 5, dtype=torch.int64)
    assert sprites.values(factors).tolist() == [[1.0, 0.75, 0.0, 0.5, 0.5]]
    assert torch.equal(center_of_mass(sprites.render(factors)), torch.full((1, 2), 8.0))


def test_drawn_factors_are_uniform_and_independent() -> None:
    factors = Sprites(shapes=2, scales=2, orientations=2, positions=2).sample_factors(32_000)
    counts = torch.bincount((factors * torch.tensor([16, 8, 4, 2, 1])).sum(1), minlength=32)
    assert (counts - 1000).abs().max() < 160  # five standard deviations


def test_drawn_factors_follow_the_generator() -> None:
    first, again = (WHOLE.sample_factors(9, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, WHOLE.sample_factors(9, torch.Generator().manual_seed(4)))


# --- images -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [64, 32, 28, 16])
def test_images_are_binary_and_never_empty(size: int) -> None:
    sprites = Sprites(size)
    images = sprites.render(sprites.sample_factors(500))
    assert (images.shape, images.dtype) == ((500, 1, size, size), torch.float32)
    assert ((images == 0) | (images == 1)).all()
    smallest = sprites.render(rows(shape=range(3), scale=0, orientation=range(40)))
    assert (smallest.sum((1, 2, 3)) >= 3).all()


def test_no_images_at_all() -> None:
    assert WHOLE.render(torch.empty(0, 5, dtype=torch.int64)).shape == (0, 1, 64, 64)


def test_no_sprite_is_cut() -> None:
    """The largest sprites in the corners, at every angle, leave the border of the canvas black."""
    corners = torch.cat([rows(shape=range(3), orientation=range(40), x=x, y=y) for x in (0, 31) for y in (0, 31)])
    for size, border in ((64, 1), (128, 3)):
        images = Sprites(size).render(corners)
        inside = images[..., border:-border, border:-border]
        assert torch.equal(images.sum((1, 2, 3)), inside.sum((1, 2, 3)))


# Areas of the shapes at scale 1 in units of r^2; h = r / (1 + 4 k / 3 pi) with k = 0.8 for the heart, sheared halves
# of a disc.
AREAS = {SQUARE: 2.0, ELLIPSE: math.pi / 2, HEART: math.pi / (1 + 3.2 / (3 * math.pi)) ** 2}


@pytest.mark.parametrize("shape", AREAS)
def test_areas_are_those_of_the_equations_and_grow_with_the_square_of_the_scale(shape: int) -> None:
    factors = rows(shape=shape, scale=range(6), orientation=7)
    area = Sprites(antialias=8).render(factors).sum((1, 2, 3))
    scale = torch.linspace(0.5, 1, 6)
    torch.testing.assert_close(area / scale**2, torch.full((6,), AREAS[shape] * 14.9**2), rtol=3e-3, atol=0)


@pytest.mark.parametrize("shape", AREAS)
def test_a_step_moves_a_sprite_by_one_pixel(shape: int) -> None:
    for axis, name in ((3, "x"), (2, "y")):
        images = WHOLE.render(rows(shape=shape, orientation=3, **{name: range(32)}))
        torch.testing.assert_close(images[1:], images[:-1].roll(1, axis))


@pytest.mark.parametrize(("size", "antialias"), [(64, 1), (48, 3), (32, 4)])
def test_the_center_of_mass_is_the_position(size: int, antialias: int) -> None:
    """From 16.5/64 to 47.5/64 of the canvas, for every shape: also the heart turns about its center of mass."""
    sprites = Sprites(size, antialias=antialias)
    factors = torch.cat([sprites.sample_factors(300), rows(shape=range(3), orientation=range(40))])
    expected = (16.5 + 31 * sprites.values(factors)[:, 3:]) * size / 64
    error = center_of_mass(sprites.render(factors)) - expected
    assert error.abs().max() < 0.5 / antialias  # an upright square is that far off: its edges stop between points
    assert error.mean(0).abs().max() < 0.03 / antialias


def test_a_sprite_turns_counter_clockwise() -> None:
    """A quarter turn of the factor is a quarter turn of the picture, up to the pixel grid, which is symmetric here."""
    sprites = Sprites(positions=1)
    for shape in range(3):
        images = sprites.render(rows(shape=shape, orientation=range(40), x=0, y=0))
        torch.testing.assert_close(images[10:], images[:-10].rot90(1, (2, 3)))


@pytest.mark.parametrize(("shape", "number"), [(SQUARE, 10), (ELLIPSE, 20), (HEART, 40)])
@pytest.mark.parametrize("scale", [0, 3, 5])
def test_squares_look_alike_four_times_ellipses_twice_and_hearts_never(shape: int, number: int, scale: int) -> None:
    images = WHOLE.render(rows(shape=shape, scale=scale, orientation=range(40)))
    assert torch.equal(images[number:], images[: 40 - number])
    assert distinct(images) == number


def test_a_heart_stands_on_its_point() -> None:
    """Upright it is its own mirror image, has two lobes on top with a notch between them, and one point below."""
    picture = Sprites(positions=1).render(rows(shape=HEART, x=0, y=0))[0, 0]
    assert torch.equal(picture, picture.flip(1))
    lines = picture[picture.any(1)]
    starts = (lines.diff(dim=1) > 0).sum(1)
    assert (starts[0], starts[-1]) == (2, 1)
    assert lines[-1].sum() < lines.sum(1).max() / 4


def test_all_other_factors_change_the_image() -> None:
    factors = rows(shape=range(3), scale=range(6), x=range(0, 32, 3), y=range(1, 32, 6))
    assert distinct(WHOLE.render(factors)) == len(factors)
    near = rows(shape=range(3), scale=range(6), x=range(15, 17), y=range(15, 17))
    assert distinct(WHOLE.render(near)) == len(near)


@pytest.mark.parametrize("antialias", [2, 4])
def test_antialiased_images_are_means_of_finer_ones(antialias: int) -> None:
    fine, coarse = Sprites(64), Sprites(64 // antialias, antialias=antialias)
    factors = fine.sample_factors(50)
    mean = fine.render(factors).unflatten(3, (-1, antialias)).unflatten(2, (-1, antialias)).mean((3, 5))
    assert torch.equal(coarse.render(factors), mean)


def test_antialiasing_tells_half_pixels_apart() -> None:
    factors = rows(shape=range(3), scale=range(6), x=range(12, 20), y=range(12, 20))
    assert distinct(Sprites(32).render(factors)) < len(factors)
    assert distinct(Sprites(32, antialias=2).render(factors)) == len(factors)


def test_a_batch_is_its_images_one_by_one() -> None:
    factors = WHOLE.sample_factors(40)
    assert torch.equal(WHOLE.render(factors), torch.cat([WHOLE.render(row[None]) for row in factors]))


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 15}, "size=15 must be an integer, at least 16"),
        ({"size": 64.0}, "size=64.0 must be an integer"),
        ({"shapes": 4}, "shapes=4 must be an integer, from 1 to 3"),
        ({"scales": 0}, "scales=0 must be an integer, at least 1"),
        ({"orientations": -1}, "orientations=-1 must"),
        ({"positions": 0}, "positions=0 must"),
        ({"antialias": 0}, "antialias=0 must"),
    ],
)
def test_impossible_sprites_are_refused(arguments: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Sprites(**arguments)


@pytest.mark.parametrize("ask", [WHOLE.render, WHOLE.index, WHOLE.values])
@pytest.mark.parametrize(
    ("factors", "message"),
    [
        (torch.zeros(2, 5), r"factors must be int64 \[n, 5\], got float32 \(2, 5\)"),
        (torch.zeros(5, dtype=torch.int64), r"got int64 \(5,\)"),
        (torch.zeros(2, 6, dtype=torch.int64), r"got int64 \(2, 6\)"),
        (torch.tensor([[0] * 5, [0, 0, 40, 0, 0]]), r"factors\[1, 2\] is 40; orientation goes from 0 to 39"),
        (torch.tensor([[-1, 0, 0, 0, 0]]), r"factors\[0, 0\] is -1; shape goes from 0 to 2"),
    ],
)
def test_factors_that_cannot_be_are_refused(ask, factors: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ask(factors)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (torch.tensor([0.0]), r"index must be int64 \[n\], got float32 \(1,\)"),
        (torch.tensor(3), r"got int64 \(\)"),
        (torch.tensor([5, 737280]), "index has values from 5 to 737280; images go from 0 to 737279"),
        (torch.tensor([-1, 3]), "from -1 to 3"),
    ],
)
def test_numbers_of_no_image_are_refused(index: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        WHOLE.factors(index)


# --- streams ----------------------------------------------------------------------------------------------------------


def test_a_draw_is_the_same_in_any_order() -> None:
    stream = SpriteStream(RealBatch, WHOLE, 6, seed=2)
    forwards = [stream[draw].x for draw in range(20)]
    order = random.Random(0).sample(range(20), 20)
    again = SpriteStream(RealBatch, Sprites(), 6, seed=2)
    assert all(torch.equal(again[draw].x, forwards[draw]) for draw in order)
    assert distinct(torch.cat(forwards)) == 120
    assert not torch.equal(SpriteStream(RealBatch, WHOLE, 6, seed=3)[0].x, forwards[0])


def test_a_stream_leaves_the_callers_random_state_alone() -> None:
    before = torch.get_rng_state()
    batch = SpriteStream(RealBatch, WHOLE, 3)[5]
    assert isinstance(batch, RealBatch)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_the_shares_of_all_ranks_are_the_batch(ranks: int) -> None:
    whole = SpriteStream(RealBatch, WHOLE, 6, seed=1)
    shares = [whole.place(CPU, rank, ranks) for rank in range(ranks)]
    for draw in (0, 7, 10**9):
        assert torch.equal(torch.cat([share[draw].x for share in shares]), whole[draw].x)
    assert torch.equal(shares[-1].place(CPU, 0, 1)[3].x, whole[3].x)


def test_batches_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="batch_size=0 must be an integer, at least 1"):
        SpriteStream(RealBatch, WHOLE, 0)
    with pytest.raises(ValueError, match="batch_size=5 cannot be shared evenly by 2 ranks"):
        SpriteStream(RealBatch, WHOLE, 5).place(CPU, 0, 2)


# --- the file ---------------------------------------------------------------------------------------------------------


class Trap:
    """Unpickling this leaves a trace."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return (Path.touch, (self.trace,))


SMALL = Sprites(20, shapes=2, scales=3, orientations=4, positions=3)


def entries() -> dict[str, np.ndarray]:
    factors = SMALL.factors(torch.arange(len(SMALL)))
    classes = np.pad(factors.numpy(), ((0, 0), (1, 0)))
    return {"imgs": SMALL.render(factors)[:, 0].numpy().astype(np.uint8), "latents_classes": classes}


def put(path: Path, **changed: np.ndarray) -> Path:
    np.savez_compressed(path, **(entries() | changed))
    return path


@pytest.fixture
def trapped(tmp_path: Path) -> Path:
    """A small file in the layout of dSprites, with a pickled entry that must not be loaded."""
    trap = np.array(Trap(tmp_path / "trace"), dtype=object)
    return put(tmp_path / "sprites.npz", metadata=trap, latents_values=np.zeros((len(SMALL), 6)))


def test_what_is_in_the_file_is_read_and_no_pickle_is_opened(trapped: Path) -> None:
    stored = read_dsprites(str(trapped))
    assert isinstance(stored, FactorialImages)
    assert (stored.sizes, stored.size, len(stored)) == (SMALL.sizes, 20, len(SMALL))
    assert stored.factor_names == SMALL.factor_names
    factors = stored.sample_factors(100)
    images = stored.render(factors)
    assert images.dtype == torch.float32
    assert torch.equal(images, SMALL.render(factors))
    assert torch.equal(stored.index(factors), SMALL.index(factors))
    assert not trapped.with_name("trace").exists()


def test_the_trap_would_snap(trapped: Path) -> None:
    with zipfile.ZipFile(trapped) as archive:
        content = io.BytesIO(archive.read("metadata.npy"))
    np.lib.format.read_magic(content)
    np.lib.format.read_array_header_1_0(content)
    pickle.load(content)
    assert trapped.with_name("trace").exists()


def test_odd_numbers_of_pixels_survive_packing(tmp_path: Path) -> None:
    images = np.random.RandomState(0).randint(0, 2, (len(SMALL), 5, 5)).astype(np.uint8)
    stored = read_dsprites(put(tmp_path / "odd.npz", imgs=images))
    assert np.array_equal(stored.render(stored.factors(torch.arange(len(SMALL))))[:, 0].numpy(), images)


def test_the_orientations_of_the_file_end_at_a_whole_turn(trapped: Path) -> None:
    ends = read_dsprites(trapped).values(torch.tensor([[0, 0, 0, 0, 0], [1, 2, 3, 2, 2]]))
    torch.testing.assert_close(ends, torch.tensor([[1, 0.5, 0, 0, 0], [2, 1, 2 * math.pi, 1, 1]]))


def test_streams_flow_from_a_file_too(trapped: Path) -> None:
    stored, drawn = (SpriteStream(RealBatch, source, 8, seed=5) for source in (read_dsprites(trapped), SMALL))
    assert torch.equal(stored.place(CPU, 1, 2)[9].x, drawn.place(CPU, 1, 2)[9].x)


def test_factors_on_another_device_than_the_files_images_are_refused() -> None:
    stored = StoredSprites(torch.zeros(1, 2, dtype=torch.uint8), 4, (1, 1, 1, 1, 1))
    factors = torch.zeros(1, 5, dtype=torch.int64)
    with pytest.raises(ValueError, match=r"factors are on cpu and the images on meta; move one with \.to\(device\)"):
        stored.to(torch.device("meta")).render(factors)
    assert stored.render(factors).shape == (1, 1, 4, 4)


def test_an_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.npz is not there; fetch it from https"):
        read_dsprites(tmp_path / "nowhere.npz")


def test_files_of_another_kind_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.npz"
    path.write_bytes(b"no archive")
    with pytest.raises(DataError, match=r"cannot be read as the file of dSprites \(File is not a zip file\)"):
        read_dsprites(path)
    np.savez(path, imgs=np.zeros(3))
    with pytest.raises(DataError, match=r"lacks the entries \['latents_classes\.npy'\]; it is not the file"):
        read_dsprites(path)


@pytest.mark.parametrize("place", [0.2, 0.5, 0.8])
def test_damaged_files_are_refused(trapped: Path, place: float) -> None:
    content = bytearray(trapped.read_bytes())
    with zipfile.ZipFile(trapped) as archive:
        images = archive.getinfo("imgs.npy")
    start = images.header_offset + 100 + int(place * (images.compress_size - 100))
    content[start : start + 20] = bytes(byte ^ 255 for byte in content[start : start + 20])
    trapped.write_bytes(content)
    with pytest.raises(DataError, match="cannot be read as the file of dSprites"):
        read_dsprites(trapped)


N = len(SMALL)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"imgs": np.zeros((N, 4, 5), np.uint8)}, rf"must be uint8 \[{N}, size, size\].* got uint8 \({N}, 4, 5\)"),
        ({"imgs": np.zeros((N - 1, 4, 4), np.uint8)}, rf"got uint8 \({N - 1}, 4, 4\)"),
        ({"imgs": np.zeros((N, 16), np.uint8)}, rf"got uint8 \({N}, 16\)"),
        ({"imgs": np.zeros((N, 4, 4))}, rf"got float64 \({N}, 4, 4\)"),
        ({"imgs": np.full((N, 4, 4), 255, np.uint8)}, "has the value 255; those of dSprites are 0 and 1"),
        ({"imgs": np.asfortranarray(np.zeros((N, 4, 4), np.uint8))}, "row after row"),
        ({"imgs": np.array([None] * N)}, rf"got object \({N},\)"),
        ({"latents_classes": np.zeros((N, 5), np.int64)}, rf"must be integers \[n, 6\], got int64 \({N}, 5\)"),
        ({"latents_classes": np.zeros((N, 6))}, "got float64"),
        ({"latents_classes": np.zeros((0, 6), np.int64)}, r"got int64 \(0, 6\)"),
        ({"latents_classes": np.array([[None] * 6])}, "cannot be read as the file of dSprites"),
        ({"latents_classes": entries()["latents_classes"][:-1]}, f"{N - 1} rows .* are not all combinations"),
        ({"latents_classes": entries()["latents_classes"][::-1]}, "not in the order of dSprites, posY fastest"),
    ],
)
def test_wrong_entries_are_refused(changed: dict[str, np.ndarray], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read_dsprites(put(tmp_path / "wrong.npz", **changed))


def _header(shape: tuple[int, ...], descr: str) -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": descr, "fortran_order": False, "shape": shape})
    return out.getvalue()


def _archive(path: Path, **changed: bytes) -> Path:
    """Write the file with the bytes of some entries in place of arrays."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, values in entries().items():
            out = io.BytesIO()
            np.save(out, values)
            archive.writestr(f"{name}.npy", changed.get(name, out.getvalue()))
    return path


@pytest.mark.parametrize(
    "changed",
    [
        {"latents_classes": _header((2**31, 6), "<i8")},
        {"latents_classes": _header((2**62, 6), "<i8")},
        {"latents_classes": _header((100, 6), "<i8")},
        {"latents_classes": _header((0, 6), "<i8")},
        {"latents_classes": b"no array"},
        {"imgs": _header((len(SMALL), 2**31, 2**31), "|u1")},
        {"imgs": _header((len(SMALL), 20, 20), "|u1")},
        {"imgs": _header((2**31, 20, 20), "|u1")},
    ],
)
def test_claims_that_the_file_does_not_keep_take_no_memory(changed: dict[str, bytes], tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"claims\.npz"):
        read_dsprites(_archive(tmp_path / "claims.npz", **changed))


def test_an_archive_of_another_version_or_with_a_password_is_named(tmp_path: Path) -> None:
    whole = bytearray(_archive(tmp_path / "new.npz").read_bytes())
    directory = whole.index(b"PK\x01\x02")
    for place, value in ((6, 252), (8, 1)):  # the version that is needed; the flag of encryption
        damaged = whole.copy()
        damaged[directory + place] = value
        (tmp_path / "new.npz").write_bytes(damaged)
        with pytest.raises(DataError, match=r"new\.npz cannot be read as the file of dSprites"):
            read_dsprites(tmp_path / "new.npz")
