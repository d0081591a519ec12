#!/usr/bin/env python3
"""Makes pictures of every common kind, and what a viewer shows of each.

    make.py FOLDER

FOLDER/NAME.EXT is a picture, FOLDER/NAME.EXT.png what Pillow shows of it: upright, in sRGB, over
white. Instead of the latter, `NAME.EXT.not-read` says that the kind is not read here, and
`NAME.EXT.shown-somehow` that the picture is damaged and shown all the same.
With `cjpeg` (libjpeg-turbo-progs) there are JPEGs that Pillow cannot write. Nothing is random.
"""

import io
import os
import shutil
import struct
import subprocess
import sys
import zlib

from PIL import Image, ImageChops, ImageCms, ImageOps

WIDTH, HEIGHT = 240, 160
SRGB = ImageCms.createProfile("sRGB")


def scene(mode="RGB", size=(WIDTH, HEIGHT)):
    """Smooth colours with an F in the corner, so that a turn or a mirror is seen."""
    width, height = size
    picture = Image.new("RGB", size)
    pixels = picture.load()
    for y in range(height):
        for x in range(width):
            pixels[x, y] = (40 + 170 * x // width, 200 - 150 * y // height, 60 + 90 * (x + y) // (width + height))
    for x0, y0, x1, y1 in [(20, 20, 32, 110), (20, 20, 80, 32), (20, 58, 66, 70)]:
        picture.paste((225, 60, 40), (x0, y0, x1, y1))
    if mode == "P":
        return picture.quantize(64, dither=Image.Dither.NONE)
    return picture if mode == "RGB" else picture.convert(mode, dither=Image.Dither.NONE)


def fading(picture):
    alpha = Image.linear_gradient("L").resize(picture.size).point(lambda a: 255 - a * 3 // 4)
    picture = picture.convert("RGBA")
    picture.putalpha(alpha)
    return picture


def icc(primaries, gamma, grey=False):
    """A display profile of version 2, with colorants adapted to D50 already."""

    def fixed(value):
        return struct.pack(">i", round(value * 65536))

    def xyz(values):
        return b"XYZ \0\0\0\0" + b"".join(fixed(v) for v in values)

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    text = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + bytes(4 + 4 + 2 + 1 + 67)
    tags = {b"wtpt": xyz((0.9642, 1, 0.8249)), b"desc": text, b"cprt": b"text\0\0\0\0none\0"}
    if grey:
        tags[b"kTRC"] = curve
    else:
        for name, values in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries):
            tags[name] = xyz(values)
        for name in (b"rTRC", b"gTRC", b"bTRC"):
            tags[name] = curve
    table, body, at = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        data += bytes(-len(data) % 4)
        table += name + struct.pack(">II", at + len(body), len(data))
        body += data
    space = b"GRAY" if grey else b"RGB "
    head = struct.pack(">I4sI4s4s4s", 128 + len(table) + len(body), b"none", 0x02100000, b"mntr", space, b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + b"".join(fixed(v) for v in (0.9642, 1, 0.8249))
    return head + bytes(128 - len(head)) + table + body


P3 = icc(((0.5151, 0.2412, -0.0011), (0.2919, 0.6922, 0.0419), (0.1572, 0.0666, 0.7841)), 2.2)
WIDE = icc(((0.7977, 0.2880, 0), (0.1352, 0.7119, 0), (0.0313, 0.0001, 0.8249)), 1.8)
ADOBE = icc(((0.6097, 0.3111, 0.0195), (0.2053, 0.6257, 0.0609), (0.1492, 0.0632, 0.7446)), 2.2)
SWAPPED = icc(((0.3851, 0.7169, 0.0971), (0.4361, 0.2225, 0.0139), (0.1431, 0.0606, 0.7141)), 2.2)
GREY = icc((), 1.8, grey=True)
PROFILES = {"p3": P3, "wide": WIDE, "adobe": ADOBE, "swapped": SWAPPED}


def shown(picture):
    """What a viewer shows."""
    profile = picture.info.get("icc_profile")
    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I"):
        picture = picture.convert("I").point(lambda v: v / 257).convert("L")
    if picture.mode in ("P", "PA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
    if picture.mode == "LA":
        picture = picture.convert("RGBA") if not profile else picture
    alpha = picture.getchannel("A") if picture.mode in ("RGBA", "LA") else None
    colours = picture.convert("L" if picture.mode == "LA" else "RGB") if alpha else picture
    if profile and colours.mode in ("L", "RGB", "CMYK"):
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        colours = ImageCms.profileToProfile(colours, source, SRGB, outputMode="RGB")
    colours = colours.convert("RGB")
    if alpha:
        colours = Image.composite(colours, Image.new("RGB", colours.size, "white"), alpha)
    return colours


class Folder:
    def __init__(self, root):
        self.root, self.count = root, 0
        os.makedirs(root, exist_ok=True)

    def put(self, name, data, reference=None):
        path = os.path.join(self.root, name)
        with open(path, "wb") as file:
            file.write(data)
        reference = shown(Image.open(io.BytesIO(data))) if reference is None else reference
        reference.save(path + ".png", compress_level=1)
        self.count += 1

    def not_read(self, name, data):
        self.marked(name, data, ".not-read")

    def shown_somehow(self, name, data):
        """Damaged: decoders fill in what is missing, each in its way."""
        self.marked(name, data, ".shown-somehow")

    def marked(self, name, data, mark):
        path = os.path.join(self.root, name)
        for kept, bytes_ in ((path, data), (path + mark, b"")):
            with open(kept, "wb") as file:
                file.write(bytes_)
        self.count += 1


def saved(picture, kind, **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def exif(orientation):
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags.tobytes()


def jpegs(out):
    for mode in ("RGB", "L"):
        for progressive in (False, True):
            for sampling in (0, 1, 2) if mode == "RGB" else (0,):
                for quality in (75, 92):
                    name = f"jpeg-{mode}-{progressive:d}-{sampling}-{quality}.jpg"
                    out.put(name, saved(scene(mode), "JPEG", quality=quality, subsampling=sampling, progressive=progressive))
    for width, height in ((1, 1), (7, 9), (16, 16), (17, 33), (241, 159)):
        picture = scene().resize((width, height))
        for sampling in (0, 2):
            out.put(f"jpeg-{width}x{height}-{sampling}.jpg", saved(picture, "JPEG", quality=95, subsampling=sampling))
    for orientation in range(1, 9):
        for kind in ("JPEG", "WEBP", "PNG", "TIFF"):
            options = {"quality": 95} if kind in ("JPEG", "WEBP") else {}
            out.put(f"turned-{orientation}.{kind.lower()}", saved(scene(), kind, exif=exif(orientation), **options))
    for name, profile in PROFILES.items():
        for progressive in (False, True):
            out.put(f"jpeg-{name}-{progressive:d}.jpg", saved(scene(), "JPEG", quality=95, icc_profile=profile, progressive=progressive))
    out.put("jpeg-grey-profile.jpg", saved(scene("L"), "JPEG", quality=95, icc_profile=GREY))
    out.put("jpeg-broken-profile.jpg", saved(scene(), "JPEG", quality=95, icc_profile=b"none"), shown(Image.open(io.BytesIO(saved(scene(), "JPEG", quality=95)))))
    for progressive in (False, True):
        out.put(f"jpeg-cmyk-{progressive:d}.jpg", saved(scene("CMYK"), "JPEG", quality=95, progressive=progressive))
    two = saved(scene(), "JPEG", quality=95, exif=exif(6))
    segment = saved(scene(), "JPEG", quality=95, exif=exif(3))[20:]
    length = struct.unpack(">H", segment[2:4])[0]
    upright = shown(Image.open(io.BytesIO(two)))
    at = two.index(b"\xff\xe1")
    first = struct.unpack(">H", two[at + 2:at + 4])[0]
    out.put("jpeg-two-exif.jpg", two[:at + 2 + first] + segment[:2 + length] + two[at + 2 + first:], upright)
    film = saved(scene(), "JPEG", quality=95)
    out.put("jpeg-film-behind.jpg", film + b"\xff\xda" * 500, shown(Image.open(io.BytesIO(film))))


def jpegs_by_cjpeg(out):
    cjpeg = shutil.which("cjpeg")
    if not cjpeg:
        return
    source = saved(scene(), "PPM")
    apart = os.path.join(out.root, "scans")
    with open(apart, "w") as file:
        file.write("0; 1; 2;\n")
    for sampling in ("1x1", "2x1", "1x2", "2x2", "4x1", "1x4", "4x2", "2x2,1x2,1x2", "2x2,2x1,2x1", "1x1,2x2,2x2", "1x1,1x2,1x2", "1x2,2x1,2x1"):
        for name, more in (("", []), ("-apart", ["-scans", apart]), ("-progressive", ["-progressive"]), ("-restart", ["-restart", "1"])):
            made = subprocess.run([cjpeg, "-quality", "95", "-sample", sampling, *more], input=source, capture_output=True)
            if made.returncode == 0:
                out.put(f"cjpeg-{sampling.replace(',', '_')}{name}.jpg", made.stdout)
    made = subprocess.run([cjpeg, "-quality", "95", "-rgb"], input=source, capture_output=True, check=True).stdout
    for number, name in enumerate(b"RGB", 1):
        for after in (b"\x11\x00", b"\x00"):
            made = made.replace(bytes((name,)) + after, bytes((number,)) + after, 1)
    out.put("cjpeg-rgb-by-adobe-alone.jpg", made)
    made = subprocess.run([cjpeg, "-quality", "95", "-restart", "1"], input=source, capture_output=True, check=True).stdout
    at = made.index(b"\xff\xd3")
    out.shown_somehow("cjpeg-restarts-cut.jpg", made[:len(made) * 9 // 10])
    out.shown_somehow("cjpeg-restart-missing.jpg", made[:at] + made[at + 2:])
    for name, more in (("rgb", ["-rgb"]), ("grey", ["-grayscale"])):
        made = subprocess.run([cjpeg, "-quality", "95", *more], input=source, capture_output=True, check=True)
        out.put(f"cjpeg-{name}.jpg", made.stdout)
    made = subprocess.run([cjpeg, "-arithmetic"], input=source, capture_output=True)
    if made.returncode == 0:
        out.not_read("cjpeg-arithmetic.jpg", made.stdout)
    os.remove(apart)


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def with_chunk(png, name, data):
    return png[:33] + chunk(name, data) + png[33:]


def png_of(width, height, depth, colour, rows):
    body = zlib.compress(b"".join(b"\0" + row for row in rows))
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def pngs(out):
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA"):
        picture = fading(scene()).convert(mode) if mode in ("LA", "RGBA") else scene(mode)
        out.put(f"png-{mode}.png", saved(picture, "PNG"))
    for name, profile in PROFILES.items():
        out.put(f"png-{name}.png", saved(scene(), "PNG", icc_profile=profile))
        out.put(f"png-{name}-alpha.png", saved(fading(scene()), "PNG", icc_profile=profile))
    out.put("png-grey-profile.png", saved(scene("L"), "PNG", icc_profile=GREY))
    for colours in (2, 4, 16, 256):
        out.put(f"png-palette-{colours}.png", saved(scene().quantize(colours), "PNG"))
    out.put("png-transparent-colour.png", saved(scene().quantize(16), "PNG", transparency=3))
    picture = scene()
    rows = [picture.crop((0, y, WIDTH, y + 1)).tobytes() for y in range(HEIGHT)]
    deep = [bytes(b for v in row for b in (v, v)) for row in rows]
    out.put("png-16.png", png_of(WIDTH, HEIGHT, 16, 2, deep), picture)
    grey = scene("L")
    grey_rows = [grey.crop((0, y, WIDTH, y + 1)).tobytes() for y in range(HEIGHT)]
    out.put("png-16-grey.png", png_of(WIDTH, HEIGHT, 16, 0, [bytes(b for v in row for b in (v, v)) for row in grey_rows]), grey.convert("RGB"))
    plain = saved(picture, "PNG")

    def curved(function):
        return picture.point([round(255 * min(1, max(0, function(v / 255)))) for v in range(256)] * 3)

    def srgb(linear):
        return 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055

    for gamma in (0.45455, 1.0, 0.55556, 0.38462):
        reference = picture if gamma == 0.45455 else curved(lambda v, g=gamma: srgb(v ** (1 / g)))
        out.put(f"png-gamma-{gamma}.png", with_chunk(plain, b"gAMA", struct.pack(">I", round(gamma * 100000))), reference)
    both = with_chunk(with_chunk(plain, b"gAMA", struct.pack(">I", 100000)), b"sRGB", b"\0")
    out.put("png-srgb-before-gamma.png", both, picture)
    primaries = struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
    p3 = shown(Image.open(io.BytesIO(saved(picture, "PNG", icc_profile=P3))))
    for name, data in ((b"cHRM", primaries),):
        out.put("png-primaries.png", with_chunk(with_chunk(plain, name, data), b"gAMA", struct.pack(">I", 45455)), as_p3(picture))
    out.put("png-cicp-p3.png", with_chunk(plain, b"cICP", bytes((12, 13, 0, 1))), as_p3(picture))
    out.put("png-cicp-srgb.png", with_chunk(plain, b"cICP", bytes((1, 13, 0, 1))), picture)
    over = saved(picture, "PNG", icc_profile=WIDE)
    out.put("png-cicp-before-profile.png", with_chunk(over, b"cICP", bytes((1, 13, 0, 1))), picture)
    del p3


def as_p3(picture):
    """Display P3 with sRGB's curve, in sRGB."""
    matrix = ((1.2249, -0.2247, 0), (-0.0420, 1.0419, 0), (-0.0197, -0.0786, 1.0979))

    def linear(v):
        v /= 255
        return v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4

    def coded(v):
        v = min(1, max(0, v))
        return round(255 * (12.92 * v if v <= 0.0031308 else 1.055 * v ** (1 / 2.4) - 0.055))

    table = [linear(v) for v in range(256)]
    converted, before, after = Image.new("RGB", picture.size), picture.load(), None
    after = converted.load()
    for y in range(picture.height):
        for x in range(picture.width):
            rgb = [table[v] for v in before[x, y]]
            after[x, y] = tuple(coded(sum(a * b for a, b in zip(row, rgb))) for row in matrix)
    return converted


def webps(out):
    for quality in (60, 90):
        out.put(f"webp-{quality}.webp", saved(scene(), "WEBP", quality=quality))
        out.put(f"webp-{quality}-alpha.webp", saved(fading(scene()), "WEBP", quality=quality))
    out.put("webp-lossless.webp", saved(scene(), "WEBP", lossless=True))
    out.put("webp-lossless-alpha.webp", saved(fading(scene()), "WEBP", lossless=True))
    for name, profile in PROFILES.items():
        out.put(f"webp-{name}.webp", saved(scene(), "WEBP", lossless=True, icc_profile=profile))
    moving = saved(scene(), "WEBP", save_all=True, append_images=[ImageOps.mirror(scene())], lossless=True)
    out.put("webp-moving.webp", moving, scene())


def gifs(out):
    for colours in (2, 8, 64, 256):
        out.put(f"gif-{colours}.gif", saved(scene().quantize(colours), "GIF"))
    out.put("gif-interlaced.gif", saved(scene().quantize(32), "GIF", interlace=True))
    out.put("gif-transparent.gif", saved(scene().quantize(16), "GIF", transparency=3))
    moving = scene().quantize(32)
    out.put("gif-moving.gif", saved(moving, "GIF", save_all=True, append_images=[ImageOps.mirror(moving)]), moving.convert("RGB"))
    whole = bytearray(saved(scene().quantize(32), "GIF"))
    whole[6:10] = struct.pack("<HH", WIDTH // 2, HEIGHT // 2)
    out.put("gif-small-screen.gif", bytes(whole), scene().quantize(32).convert("RGB"))


def tiffs(out):
    for mode in ("1", "L", "LA", "RGB", "RGBA", "CMYK"):
        picture = fading(scene()).convert(mode) if mode in ("LA", "RGBA") else scene(mode)
        for compression in (None, "tiff_lzw", "tiff_adobe_deflate", "packbits"):
            data = saved(picture, "TIFF", **({"compression": compression} if compression else {}))
            out.put(f"tiff-{mode}-{compression}.tif", data)
    for quality in (80, 95):
        out.put(f"tiff-jpeg-{quality}.tif", saved(scene(), "TIFF", compression="jpeg", quality=quality))
    out.put("tiff-big.tif", saved(scene(), "TIFF", big_tiff=True))
    out.put("tiff-16.tif", saved(Image.frombytes("I;16", (WIDTH, HEIGHT), bytes(b for v in scene("L").tobytes() for b in (v, v))), "TIFF"), scene("L").convert("RGB"))
    for name, profile in PROFILES.items():
        out.put(f"tiff-{name}.tif", saved(scene(), "TIFF", icc_profile=profile))
    pages = saved(scene().resize((60, 40)), "TIFF", save_all=True, append_images=[scene()])
    at = struct.unpack("<I", pages[4:8])[0]
    count = struct.unpack("<H", pages[at:at + 2])[0]
    entries = [pages[at + 2 + 12 * i:at + 14 + 12 * i] for i in range(count)]
    assert struct.unpack("<H", entries[0][:2])[0] in (254, 256)
    out.put("tiff-two-pages.tif", pages)
    out.put("tiff-thumbnail-first.tif", tiff_of([(scene().resize((60, 40)), 1), (scene(), 0)]), scene())
    over_white = fading(scene())
    multiplied = ImageChops.multiply(over_white.convert("RGB"), Image.merge("RGB", [over_white.getchannel("A")] * 3))
    multiplied.putalpha(over_white.getchannel("A"))
    out.put("tiff-multiplied.tif", tiff_of([(multiplied, 0)], extra=1), shown(over_white))
    out.put("tiff-not-multiplied.tif", tiff_of([(over_white, 0)], extra=2), shown(over_white))
    out.not_read("tiff-palette.tif", saved(scene().quantize(64), "TIFF"))
    out.not_read("tiff-lab.tif", saved(ImageCms.profileToProfile(scene(), SRGB, ImageCms.createProfile("LAB"), outputMode="LAB"), "TIFF"))


def tiff_of(pages, extra=None):
    """A TIFF of these (picture, NewSubfileType), uncompressed, big-endian."""
    file, offset_at = bytearray(b"MM\0*\0\0\0\0"), 4
    for picture, kind in pages:
        samples, data = len(picture.getbands()), picture.tobytes()
        data_at = len(file)
        file += data + bytes(len(data) % 2)
        bits_at = len(file)
        file += struct.pack(">H", 8) * samples
        entries = [(254, 4, 1, kind), (256, 4, 1, picture.width), (257, 4, 1, picture.height), (258, 3, samples, bits_at), (259, 3, 1, 1 << 16), (262, 3, 1, 2 << 16), (273, 4, 1, data_at), (277, 3, 1, samples << 16), (278, 4, 1, picture.height), (279, 4, 1, len(data))]
        if extra is not None:
            entries.append((338, 3, 1, extra << 16))
        file += bytes(len(file) % 2)
        file[offset_at:offset_at + 4] = struct.pack(">I", len(file))
        file += struct.pack(">H", len(entries)) + b"".join(struct.pack(">HHII", *entry) for entry in entries)
        offset_at = len(file)
        file += bytes(4)
    return bytes(file)


def bmps(out):
    for mode in ("1", "L", "P", "RGB"):
        out.put(f"bmp-{mode}.bmp", saved(scene(mode), "BMP"))
    rgba = fading(scene())
    rows = ImageOps.flip(rgba)
    red, green, blue, alpha = rows.split()
    samples = Image.merge("RGBA", (blue, green, red, alpha)).tobytes()

    def v4(compression, mask, data):
        header = struct.pack("<IiiHHIIiiII", 108, WIDTH, HEIGHT, 1, 32, compression, len(data), 2835, 2835, 0, 0)
        header += struct.pack("<IIII", 0xff0000, 0xff00, 0xff, mask) + b"BGRs" + bytes(48)
        return b"BM" + struct.pack("<IHHI", 14 + 108 + len(data), 0, 0, 122) + header + data

    out.put("bmp-v4-fields.bmp", v4(3, 0xff000000, samples), shown(rgba))
    out.put("bmp-v4-mask-without-fields.bmp", v4(0, 0xff000000, samples), shown(rgba))
    out.put("bmp-v4-no-mask.bmp", v4(0, 0, samples), scene())
    empty = Image.merge("RGBA", (blue, green, red, Image.new("L", rows.size, 0))).tobytes()
    out.put("bmp-v4-empty-alpha.bmp", v4(3, 0xff000000, empty), scene())


def cases(out):
    """Small files after public bug reports; what is right for each is known by itself."""
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cases")
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as file:
            data = file.read()
        if name.startswith(("arithmetic", "avif")):
            out.not_read(name, data)
            continue
        picture = Image.open(io.BytesIO(data))
        if name.startswith("cicp"):
            out.put(name, data, as_p3(picture.convert("RGB")))
        elif name.startswith("gama_1.0"):
            out.put(name, data, from_linear(picture.convert("RGB")))
        elif name.startswith("doubtful"):
            # As Chromium shows them: not turned.
            out.put(name, data, picture.convert("RGB"))
        elif name.startswith("bmp_v4"):
            at = struct.unpack("<I", data[10:14])[0]
            rows = Image.frombytes("RGBA", picture.size, data[at:at + 4 * picture.width * picture.height], "raw", "BGRA")
            out.put(name, data, shown(ImageOps.flip(rows)))
        else:
            out.put(name, data)


def sizes(out):
    for width, height in ((1, 1), (2, 3), (8, 8), (9, 31), (33, 17), (64, 64), (127, 129), (333, 97), (640, 480), (1200, 5)):
        picture = scene().resize((width, height))
        for kind in ("PNG", "TIFF", "BMP"):
            out.put(f"size-{width}x{height}.{kind.lower()}", saved(picture, kind))
        out.put(f"size-{width}x{height}.webp", saved(picture, "WEBP", lossless=True))
        out.put(f"size-{width}x{height}.gif", saved(picture.quantize(128, dither=Image.Dither.NONE), "GIF"))
        for progressive in (False, True):
            out.put(f"size-{width}x{height}-{progressive:d}.jpg", saved(picture, "JPEG", quality=95, progressive=progressive))


def from_linear(picture):
    def coded(v):
        return 12.92 * v if v <= 0.0031308 else 1.055 * v ** (1 / 2.4) - 0.055

    return picture.point([round(255 * coded(v / 255)) for v in range(256)] * 3)


def main():
    out = Folder(sys.argv[1])
    cases(out)
    for make in (jpegs, jpegs_by_cjpeg, pngs, webps, gifs, tiffs, bmps, sizes):
        make(out)
    print(out.count)


main()
