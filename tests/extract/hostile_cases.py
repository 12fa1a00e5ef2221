"""Files that are made to take time, memory or another's file: each is read or refused within its limits."""

import io
import json
import warnings
import zipfile

from made import zipped
from office_cases import docx, odf, p
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


def cases():
    return [
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
        Case("hostile ods repeats", endless_sheet, short(100000)),
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
