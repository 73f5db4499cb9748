"""Image files in, grey pixels out: safe decoding."""

from __future__ import annotations

import io
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from charloc.types import ImageError

MAX_PIXELS = 40_000_000
FORMATS = ("PNG", "JPEG", "TIFF")


def probe(data: bytes, name: str) -> tuple[int, int, str]:
    """Width, height (px) and media type of an encoded image, from its header alone.

    Args:
        data: the file's bytes.
        name: what to call it in messages.

    Raises:
        ImageError: not a PNG, JPEG or TIFF, no pixels, or more than `MAX_PIXELS`.
    """
    with _open(data, name) as image:
        return image.width, image.height, Image.MIME[image.format or "PNG"]


def decode(data: bytes, name: str) -> NDArray[np.uint8]:
    """Grey pixels of an encoded image, as stored (EXIF orientation is not applied: boxes refer to stored pixels).

    Transparency is laid over white; 16-bit and float greys are scaled to their own range.

    Returns:
        uint8 (H, W), 0 black.

    Raises:
        ImageError: as `probe`, or the pixels are damaged.
    """
    with _open(data, name) as image:
        try:
            if image.mode in ("I;16", "I;16B", "I;16L", "I", "F"):
                return _scale(np.asarray(image, dtype=np.float64))
            if image.has_transparency_data:
                layer = image.convert("RGBA")
                white = Image.new("RGBA", layer.size, (255, 255, 255, 255))
                return np.asarray(Image.alpha_composite(white, layer).convert("L")).copy()
            return np.asarray(image.convert("L")).copy()
        except (OSError, ValueError, SyntaxError) as error:
            raise ImageError(f"{name}: the image is damaged ({error}). Scan or export it again.") from error


def _open(data: bytes, name: str) -> Image.Image:
    if not data:
        raise ImageError(f"{name}: the file is empty. Expected a PNG, JPEG or TIFF image.")
    try:
        with warnings.catch_warnings():
            # Pillow warns of decompression bombs by its own limit; ours is checked below, before anything is decoded.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise ImageError(
            f"{name}: larger than {MAX_PIXELS / 1e6:.0f} Mpx. Cut it into lines or words first."
        ) from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise ImageError(f"{name}: not a readable PNG, JPEG or TIFF image.") from error
    if image.width * image.height > MAX_PIXELS:
        size = f"{image.width} x {image.height} px"
        raise ImageError(f"{name}: {size} is over {MAX_PIXELS / 1e6:.0f} Mpx. Cut it into lines or words first.")
    return image


def _scale(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    low, high = float(values.min()), float(values.max())
    scale = 255.0 / (high - low) if high > low else 0.0
    return np.asarray((values - low) * scale, dtype=np.uint8)
