"""Documents made here, byte by byte, with the standard library alone: what they hold is known."""

import io
import zipfile
import zlib

HELVETICA = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"


def pdf(pages, font=HELVETICA, packed=False, more=(), title=None):
    """A PDF of pages, each the bytes of its content stream; `more`: further objects, from number 3 + 2 * pages on."""
    kids = b" ".join(b"%d 0 R" % (3 + 2 * i) for i in range(len(pages)))
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, len(pages))]
    for i, content in enumerate(pages):
        filters = b""
        if packed:
            content, filters = zlib.compress(content, 9), b"/Filter/FlateDecode"
        objects.append(b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 %s>>>>/Contents %d 0 R>>"
                       % (font, 4 + 2 * i))
        objects.append(b"<</Length %d%s>>stream\n%s\nendstream" % (len(content), filters, content))
    objects += more
    out, at = b"%PDF-1.4\n", []
    for i, body in enumerate(objects):
        at.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (i + 1, body)
    info = b""
    if title:
        at.append(len(out))
        out += b"%d 0 obj\n<</Title(%s)>>\nendobj\n" % (len(objects) + 1, title)
        info = b"/Info %d 0 R" % (len(objects) + 1)
    xref = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(at) + 1) + b"".join(b"%010d 00000 n \n" % p for p in at)
    return out + b"trailer<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF" % (len(at) + 1, info, xref)


def words(x, y, text, size=11):
    return b"BT /F1 %d Tf %d %d Td (%s) Tj ET\n" % (size, x, y, text)


def zipped(files, first_stored=False):
    """files: pairs of name and content, in this order."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for i, (name, content) in enumerate(files):
            z.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_STORED if first_stored and i == 0 else zipfile.ZIP_DEFLATED)
    return out.getvalue()
