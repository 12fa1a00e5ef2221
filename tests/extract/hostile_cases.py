"""Files that are made to take time, memory or another's file: each is read or refused within its limits."""

import io
import json
import struct
import warnings
import zipfile
import zlib

from made import zipped
from office_cases import docx, odf, p, pptx, xlsx
from run import Case, check, fails, same


def many_of_a_name():
    b = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(b, "w") as z:
            for i in range(500):
                z.writestr("a.txt", "number %d" % i)
    return b.getvalue()


def nothing_of(word):
    return lambda r: check("what is not its own", word not in r.text, r.text[:200])


def short(bytes_):
    return lambda r: check("its size", 0 < len(r.text) < bytes_, len(r.text))


def deep_mail():
    heads = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(20000))
    return b"From: a@b\nSubject: Deep\n" + heads + b"Content-Type: text/plain\n\nhello\n"


def epub(opf):
    return zipped([("mimetype", "application/epub+zip"),
                   ("META-INF/container.xml", '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
                    '<rootfile full-path="c.opf"/></rootfiles></container>'),
                   ("c.opf", '<package xmlns="http://www.idpf.org/2007/opf"><manifest>'
                    '<item id="a" href="%s" media-type="application/xhtml+xml"/></manifest><spine>%s</spine></package>' % opf),
                   ("a.xhtml", '<html xmlns="http://www.w3.org/1999/xhtml"><body><p>%s</p></body></html>' % ("word " * 20000))])


def endless_sheet():
    row = ('<table:table-row table:number-rows-repeated="1048576"><table:table-cell table:number-columns-repeated="16384" '
           'office:value-type="string"><text:p>boom</text:p></table:table-cell></table:table-row>')
    return odf("spreadsheet", '<office:spreadsheet><table:table table:name="a">%s</table:table></office:spreadsheet>' % (row * 3))


def told(*words):
    return lambda r: check("what was left out is told", not r.failure and any(all(w in x for w in words) for x in r.warnings), (r.failure, r.warnings))


def mailbox(n):
    return b"".join(b"From x@y Fri Mar 15 10:00:00 2024\nFrom: x@y\nSubject: %d\n\nbody\n\n" % i for i in range(n))


def attached(n):
    part = b"--b\nContent-Type: text/plain; name=f.txt\nContent-Disposition: attachment; filename=f.txt\n\nx\n"
    return b"From: a@b\nSubject: s\nContent-Type: multipart/mixed; boundary=b\n\n" + part * n + b"--b--\n"


def sheets(n):
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    of = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/"
    return zipped([
        ("[Content_Types].xml", '<Types xmlns="%scontent-types"><Override PartName="/xl/workbook.xml" ContentType="application/vnd.'
         'openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>' % package),
        ("_rels/.rels", '<Relationships xmlns="%srelationships"><Relationship Id="r" Type="%s/officeDocument" Target="xl/workbook.xml"/></Relationships>' % (package, of)),
        ("xl/workbook.xml", '<workbook xmlns="%s" xmlns:r="%s"><sheets>%s</sheets></workbook>' % (main, of, '<sheet name="A" sheetId="1" r:id="s"/>' * n)),
        ("xl/_rels/workbook.xml.rels", '<Relationships xmlns="%srelationships"><Relationship Id="s" Type="%s/worksheet" Target="s.xml"/></Relationships>' % (package, of)),
        ("xl/s.xml", '<worksheet xmlns="%s"><sheetData><row r="1"><c r="A1"><v>1</v></c></row></sheetData></worksheet>' % main)])


def vast():
    """A picture that says it is larger than any; without text recognition its kind is all that is known of it."""
    head = struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(100))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(struct.pack(">I", len(c)) + k + c + struct.pack(">I", zlib.crc32(k + c)) for k, c in chunks)


def look_vast(r):
    check("why", (r.failure, r.why[:22]) == ("broken", "The picture is damaged") or "can install text recognition" in r.why, (r.failure, r.why))


MOST = 2147483647  # to which nothing can be added


def sheet_of_most():
    cell = ('<table:table-cell office:value-type="string" table:number-columns-spanned="%d" table:number-columns-repeated="%d" '
            'table:number-rows-spanned="%d"><text:p>words</text:p></table:table-cell>' % (MOST, MOST, MOST))
    row = '<table:table-row table:number-rows-repeated="%d">%s</table:table-row>' % (MOST, cell + "<table:covered-table-cell/>" + cell)
    return odf("spreadsheet", '<office:spreadsheet><table:table table:name="a">%s</table:table></office:spreadsheet>' % (row * 3))


def rows_of_most():
    cell = '<c t="inlineStr"><is><t>words</t></is></c>'
    return xlsx([("a", False, '<cols><col min="-%d" max="-1" hidden="1"/></cols><sheetData><row r="%d">%s</row><row>%s</row></sheetData>'
                  % (MOST, MOST, cell, cell))])


def counted(r):
    check("its rows", all(1 <= b["rows"][0] <= b["rows"][1] for b in r.raw_blocks if "rows" in b), r.raw_blocks)
    same(r.warnings, [])


def cases():
    return [
        Case("hostile picture", vast, look_vast, file="t.png"),
        Case("hostile mailbox of many", lambda: mailbox(20001), told("20000 messages", "rest was left out"), file="t.mbox"),
        Case("mailbox that is not too large", lambda: mailbox(20000), lambda r: same(r.warnings, []), file="t.mbox"),
        Case("hostile mail of many parts", lambda: attached(2000), told("1000 parts"), file="t.eml"),
        Case("hostile html without ends", lambda: b"<html><body>" + b"<div>x" * 20000, told("nested deeper")),
        Case("hostile rtf groups", lambda: b"{\\rtf1 start " + b"{\\b " * 200000 + b"deep" + b"}" * 200000 + b"}", told("nested deeper")),
        Case("hostile sheets", lambda: sheets(1001), told("1000 sheets")),
        Case("hostile csv row", (b",".join(b"c%d" % i for i in range(2001)) + b"\n") * 2, told("2000 cells"), file="t.csv"),
        Case("hostile csv cell", b"a,b\nx," + b"y " * 10001 + b"\n", told("20000 bytes"), file="t.csv"),
        Case("hostile numbers ods", sheet_of_most, counted),
        Case("hostile numbers xlsx", rows_of_most, counted),
        Case("hostile numbers pptx", lambda: pptx(MOST), lambda r: check("no level", ("para", 0, "deeper") in r.blocks, r.blocks)),
        Case("hostile json deep", b"[" * 500000 + b"]" * 500000, short(9000)),
        Case("hostile csv columns", (b",".join(b"c%d" % i for i in range(100000)) + b"\n") * 2, short(100000), file="t.csv"),
        Case("hostile csv open quote", b'a,b\n"' + b"x,y\n" * 500000, short(6000000), file="t.csv"),
        Case("hostile csv quotes", b'a,b\n' + b'"' * 3000001, short(6000000), file="t.csv"),
        Case("hostile xml parameter entity", b'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY % a "<!ENTITY b SYSTEM \'file:///etc/passwd\'>">%a;]>'
             b"<r>&b;</r>", nothing_of("root:")),
        Case("hostile xml quadratic", b'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "' + b"x" * 100000 + b'">]><r>' + b"&a;" * 20000 + b"</r>",
             lambda r: check("not unfolded", len(r.text) < 200000, len(r.text))),
        Case("hostile html spans", b"<html><body><table><tr><td colspan=100000000 rowspan=100000000>a</td><td>b</td></tr></table>", short(20000)),
        Case("hostile html tables", b"<html><body>" + b"<table><tr><td>" * 60000 + b"x", lambda r: same(r.failure, "empty")),
        Case("hostile zip of one name", many_of_a_name, lambda r: check("each", r.text.count("number") == 500, len(r.text))),
        Case("hostile xml attributes", lambda: b"<?xml version='1.0'?><r " + b" ".join(b"a%d='1'" % i for i in range(200000)) + b">words</r>",
             fails("too_complex", "5000 attributes"), seconds=20),
        Case("hostile html attributes", lambda: b"<html><body><p " + b" ".join(b"a%d" % i for i in range(200000)) + b">words</p></body></html>",
             fails("too_complex", "5000 attributes"), seconds=20),
        Case("html of long values and scripts", lambda: b"<html><body><script>if (a <b " + b"c d " * 9000 + b") x();</script><p title='"
             + b"word > " * 9000 + b"' data-x=\"" + b"y " * 9000 + b"\">Harbours.</p></body></html>", lambda r: same(r.text.strip(), "Harbours.")),
        Case("hostile zip of many", lambda: zipped([("f%d.txt" % i, "word") for i in range(12000)]), fails("too_large", "more than 10000")),
        Case("hostile docx span", lambda: docx('<w:tbl><w:tr><w:tc><w:tcPr><w:gridSpan w:val="2000000000"/></w:tcPr>%s</w:tc></w:tr></w:tbl>'
                                               % p("a")), short(20000)),
        Case("hostile docx tables", lambda: docx("<w:tbl><w:tr><w:tc>" * 3000 + p("deep") + "</w:tc></w:tr></w:tbl>" * 3000),
             fails("too_complex", "nested")),
        Case("hostile docx style loop", lambda: docx('<w:p><w:pPr><w:pStyle w:val="A"/></w:pPr><w:r><w:t>looped</w:t></w:r></w:p>',
                                                     '<w:style w:styleId="A"><w:basedOn w:val="B"/></w:style>'
                                                     '<w:style w:styleId="B"><w:basedOn w:val="A"/></w:style>'),
             lambda r: same(r.text, "looped")),
        Case("hostile ods repeats", endless_sheet, lambda r: (short(3000000)(r), told("more than 100 cells")(r))),
        Case("hostile odt spaces", lambda: odf("text", '<office:text><text:p>a<text:s text:c="2000000000"/>b</text:p></office:text>'), short(1000)),
        Case("hostile epub spine", lambda: epub(("a.xhtml", '<itemref idref="a"/>' * 5000)), fails("too_large", "20 MB")),
        Case("hostile epub path", lambda: epub(("../../../../etc/passwd", '<itemref idref="a"/>')), nothing_of("root:")),
        Case("hostile mail deep", deep_mail, short(1000), file="t.eml"),
        Case("hostile mail boundary", b'From: a@b\nContent-Type: multipart/mixed; boundary=""\n\n' + b"--\n" * 300000, short(2000000), file="t.eml"),
        Case("hostile rtf binary", b"{\\rtf1 hello \\bin4294967295 x}", lambda r: same(r.text, "hello")),
        Case("hostile notebook", json.dumps({"nbformat": 4, "cells": [{"cell_type": 5, "source": {"a": 1}}, None, 7, {
            "cell_type": "code", "source": [1, {"x": []}], "outputs": {"a": 1}}], "metadata": []}).encode(), fails("empty")),
        Case("hostile tex", b"\\documentclass{article}\\begin{document}\\input{/etc/passwd}\\def\\a{\\a\\a}\\a Hello."
             + b"\\begin{itemize}" * 50000, nothing_of("root:"), file="t.tex"),
        Case("hostile marks", ("e" + "\u0301" * 300000).encode(), short(9000)),
    ]
