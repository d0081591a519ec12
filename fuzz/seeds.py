#!/usr/bin/env python3
"""Writes the pictures that `preview` begins with: a photo, tiny, in every kind that is decoded. Needs Pillow."""
import io
import pathlib
import sys

from PIL import Image

here = pathlib.Path(__file__).parent
folder = here / "corpus" / "preview"
folder.mkdir(parents=True, exist_ok=True)
photo = Image.open(sorted((here / "../photos").glob("*.jpg"))[0]).convert("RGB").resize((24, 16))
clear = photo.copy()
clear.putalpha(photo.convert("L"))


def seed(name, picture, **how):
    file = io.BytesIO()
    picture.save(file, **how)
    (folder / name).write_bytes(file.getvalue())


for orientation in (1, 6, 7):
    exif = Image.Exif()
    exif[0x0112] = orientation
    seed(f"turned-{orientation}.jpg", photo, format="JPEG", exif=exif)
seed("progressive.jpg", photo, format="JPEG", progressive=True, quality=40)
seed("grey.jpg", photo.convert("L"), format="JPEG")
seed("cmyk.jpg", photo.convert("CMYK"), format="JPEG")
seed("restarts.jpg", photo, format="JPEG", restart_marker_blocks=1)


def of_many_scans(edge, scans):
    """Passes over all blocks of a picture of one colour, in a few bytes each: no camera writes more than about ten."""
    file = io.BytesIO(b"\xff\xd8")
    file.seek(2)

    def segment(name, body, data=b""):
        file.write(bytes([0xFF, name]) + (len(body) + 2).to_bytes(2, "big") + body + data)

    segment(0xDB, b"\0" + b"\1" * 64)
    segment(0xC2, b"\x08" + edge.to_bytes(2, "big") * 2 + b"\1\1\x11\0")
    segment(0xC4, b"\x00\1" + bytes(15) + b"\0")
    segment(0xC4, b"\x10\1" + bytes(15) + b"\xe0")
    segment(0xDA, b"\1\1\0\0\0\0", bytes((edge // 8) ** 2 // 8))
    for _ in range(scans):
        segment(0xDA, b"\1\1\0\1\x3f\0", b"\0\1")
    return file.getvalue() + b"\xff\xd9"


(folder / "of-20-scans.jpg").write_bytes(of_many_scans(1024, 20))
(folder / "of-1000-scans.jpg").write_bytes(of_many_scans(1024, 1000))
seed("rgb.png", photo, format="PNG")
seed("clear.png", clear, format="PNG")
seed("palette.png", photo.quantize(16), format="PNG", bits=4)
seed("bits.png", photo.convert("1"), format="PNG")
seed("deep.png", photo.convert("L").convert("I;16"), format="PNG")
seed("still.gif", photo.quantize(16), format="GIF", interlace=1)
seed("moving.gif", photo.quantize(16), format="GIF", save_all=True, append_images=[photo.rotate(90).quantize(16)])
seed("lossy.webp", photo, format="WEBP", quality=30)
seed("lossy-clear.webp", clear, format="WEBP", quality=30)
seed("lossless.webp", clear, format="WEBP", lossless=True)
seed("moving.webp", photo, format="WEBP", save_all=True, append_images=[photo.rotate(90)])
for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
    seed(f"{compression}.tiff", photo, format="TIFF", compression=compression)
seed("fax.tiff", photo.convert("1"), format="TIFF", compression="group4")
seed("palette.tiff", photo.quantize(16), format="TIFF")
seed("float.tiff", photo.convert("F"), format="TIFF")
seed("cmyk.tiff", photo.convert("CMYK"), format="TIFF")
seed("tiles.tiff", photo, format="TIFF", tiffinfo={322: 16, 323: 16})
seed("rgb.bmp", photo, format="BMP")
seed("clear.bmp", clear, format="BMP")
seed("palette.bmp", photo.quantize(16), format="BMP")
seed("bits.bmp", photo.convert("1"), format="BMP")
print(sum(file.stat().st_size for file in folder.iterdir()), "bytes", file=sys.stderr)
