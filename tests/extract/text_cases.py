"""Kinds of text: tables, JSON, notebooks, XML, LaTeX, code, RTF and mail, with what goes wrong in them elsewhere."""

import base64
import json

from made import zipped
from run import Case, check, fails, same


def look_csv(r):
    same(r.format, "csv")
    same(r.kinds("table"), ["| name | note |\n| --- | --- |\n| a | one two |\n| b | 1,5 |\n| c | say \"x\" \\| y |"])
    same(r.raw_blocks[0]["rows"], [1, 4])


def table(*rows):
    return lambda r: same(r.kinds("table"), ["\n".join([rows[0], "| --- | --- |", *rows[1:]])])


def look_records(r):
    same(r.kinds("table"), ["| a | b |\n| --- | --- |\n| 1 | x |\n|  | true |"])


UNDERLINED = """Rules of the harbour
********************

Berths
======

Boats moor stern first.

The quay
--------

Name
----
rows stand below it, so it is none

a long line with a short rule
---

-----

Fees
====
""".encode()


def look_underlined(r):
    same(r.blocks, [("heading", 1, "Rules of the harbour"), ("heading", 2, "Berths"), ("para", 0, "Boats moor stern first."),
                    ("heading", 3, "The quay"), ("para", 0, "Name\n----\nrows stand below it, so it is none"),
                    ("para", 0, "a long line with a short rule\n---"), ("para", 0, "-----"), ("heading", 2, "Fees")])


def notebook():
    return json.dumps({"nbformat": 4, "cells": [
        {"cell_type": "markdown", "source": ["# Head\n", "text"]},
        {"cell_type": "code", "source": "print(1)", "outputs": [
            {"output_type": "stream", "text": ["\u001b[31m1\u001b[0m\n"]},
            {"output_type": "display_data", "data": {"image/png": "iVBORw0KGgo=", "text/plain": ["<Figure>"]}}]}]}).encode()


def look_notebook(r):
    same(r.format, "notebook")
    same(r.blocks, [("heading", 1, "Head"), ("para", 0, "text"), ("code", 0, "print(1)"), ("code", 0, "1"), ("code", 0, "<Figure>")])
    same([p["kind"] for p in r.places], ["cell", "cell"])


def old_notebook():
    return json.dumps({"nbformat": 3, "metadata": {}, "worksheets": [
        {"cells": [{"cell_type": "heading", "level": 2, "source": ["Old head"]},
                   {"cell_type": "code", "input": ["print(3)"], "outputs": [{"output_type": "stream", "text": ["3\n"]}]}]},
        {"cells": [{"cell_type": "markdown", "source": "Said *so*"}]}]}).encode()


def look_old_notebook(r):
    same(r.format, "notebook")
    same(r.blocks, [("heading", 2, "Old head"), ("code", 0, "print(3)"), ("code", 0, "3"), ("para", 0, "Said so")])
    same([p["kind"] for p in r.places], ["cell", "cell", "cell"])


NUMBERS = b'{"long":12345678901234567890123,"far":1e400,"tenth":0.1,"of":[],"more":{"a":[1,null]},"\\"":"x"}'


def look_numbers(r):
    """As they were written, and no sign of how they are kept."""
    same(r.text, '{\n  "long": 12345678901234567890123,\n  "far": 1e400,\n  "tenth": 0.1,\n  "of": [],\n  "more": {\n    "a": [\n'
                 '      1,\n      null\n    ]\n  },\n  "\\"": "x"\n}')


def look_xml(r):
    same(r.format, "xml")
    same(r.blocks, [("para", 0, "One & two"), ("para", 0, "Three bold four")])


def look_xml_records(r):
    """What stands in attributes, where that is more than between the elements; not what names or paints them."""
    same(r.blocks, [("para", 0, "light: name Skagen & Nord, height 46 m"), ("para", 0, "light: name Hirtshals in the west")])


LATEX = rb"""\documentclass{article}
\usepackage{x}
\begin{document}
\section{First \emph{part} \label{s:first}}
Some text % a comment
with \textbf{bold} words~and 50\% more.\label{l}

\subsection*{Second}
\begin{itemize}
\item one
\item two
\end{itemize}
\end{document}
"""


def look_latex(r):
    same(r.format, "latex")
    same(r.kinds("heading"), ["First part", "Second"])
    same(r.kinds("list"), ["- one", "- two"])
    check("text", "Some text with bold words and 50% more." in r.text, r.text)
    check("left out", "comment" not in r.text and "usepackage" not in r.text and "itemize" not in r.text, r.text)


PRINTED = rb"""\documentclass{article}
\title[Short]{On \emph{Tides} of M\"uller}\author{A}
\begin{document}
\maketitle
A word\footnote{Said \'{e}lsewhere\footnote{deeper}.} and ``more'' --- Stra\ss e, fa\c{c}ade, \o re, na\"{\i}ve.
\begin{equation} E = mc \end{equation} follows.
\begin{description}\item[Key] value \item two\end{description}
\begin{verbatim}
x % stays \section{no}
\end{verbatim}
\begin{lstlisting}[language=C]
int a;
\end{lstlisting}
End.\footnote{open
\end{document}
after"""


def look_printed(r):
    same(r.title, "On Tides of M\u00fcller")
    same(r.kinds("heading"), ["On Tides of M\u00fcller"])
    same(r.kinds("para")[0], "A word (Said \u00e9lsewhere (deeper).) and \u201cmore\u201d \u2014 Stra\u00dfe, fa\u00e7ade, \u00f8re, na\u00efve. E = mc follows.")
    same(r.kinds("list"), ["- [Key] value", "- two"])
    same(r.kinds("code"), ["x % stays \\section{no}", "int a;"])
    check("what is behind the end", "after" not in r.text, r.text)


TABULAR = rb"""\begin{document}Fees:
\begin{tabular}[t]{l@{ }r} \hline
Ship & \textbf{Fee} \\ \cline{1-2}
10 m & 4 crowns \& 2 \\& \multicolumn{1}{c}{all} \\
20 m & \emph{nine}
\end{tabular} by day. \begin{tabularx}{\textwidth}{ll} a & b \end{tabularx}
\begin{center}Middle\end{center} \begin{tabular}{l} open"""


def look_tabular(r):
    same(r.kinds("table"), ["| Ship | Fee |\n| --- | --- |\n| 10 m | 4 crowns & 2 |\n|  | all |\n| 20 m | nine |", "| a | b |\n| --- | --- |", "| open |\n| --- |"])
    check("around", "Fees:" in r.text and "by day." in r.text and "Middle" in r.text and "center" not in r.text, r.text)


FORWARDED = (b"From: a@x.org\r\nDate: Fri, 15 Mar 2024 10:00:00 +0100\r\nSubject: Outer\r\nMIME-Version: 1.0\r\n"
             b"Content-Type: multipart/mixed; boundary=X\r\n\r\n--X\r\nContent-Type: text/plain; name=n.txt\r\n"
             b"Content-Disposition: attachment; filename=n.txt\r\n\r\nA note.\r\n--X\r\nContent-Type: message/rfc822\r\n\r\n"
             b"From: c@x.org\r\nSubject: Inner\r\n\r\nForwarded.\r\n--X--\r\n")


def look_forwarded(r):
    """A letter within a letter is a place of its own, not of the file before it."""
    same([p["label"] for p in r.places], ["Outer", "n.txt", "Inner"])
    check("text", "Forwarded." in r.text, r.text)


# What is written behind an attachment is of the letter, not of that.
BEHIND = (b"From: a@x.org\r\nSubject: Fees\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=X\r\n\r\n"
          b"--X\r\nContent-Type: text/plain\r\n\r\nSee the note.\r\n--X\r\nContent-Type: text/plain; name=n.txt\r\n"
          b"Content-Disposition: attachment; filename=n.txt\r\n\r\nA note.\r\n--X\r\nContent-Type: text/plain\r\n\r\nYours.\r\n--X--\r\n")


def look_behind(r):
    same([(p["kind"], p["label"]) for p in r.places], [("message", "Fees"), ("file", "n.txt"), ("message", "Fees")])


def look_within(r):
    """What a file in an archive consists of is known by that file."""
    same([(p["kind"], p["number"], p["label"]) for p in r.places],
         [("file", 1, "box.mbox"), ("file", 1, "box.mbox: Fees"), ("file", 1, "box.mbox/n.txt"), ("file", 1, "box.mbox: Fees"),
          ("file", 1, "box.mbox: Fees"), ("file", 2, "n.ipynb")])


def within():
    cells = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "markdown", "metadata": {}, "source": [s]} for s in ("One.", "Two.")]}
    mbox = b"".join(b"From x@y Fri Mar 15 10:00:00 2024\n" + m.replace(b"\r", b"") + b"\n" for m in (BEHIND, HTML_MAIL))
    return zipped([("box.mbox", mbox), ("n.ipynb", json.dumps(cells))])


def look_code(r):
    same(r.format, "code")
    same(r.blocks[0], ("heading", 1, "a.py"))
    check("indentation stays", "    return 1" in r.blocks[1][2], r.blocks)


RTF = (rb"{\rtf1\ansi\ansicpg1251{\fonttbl{\f0\fcharset204 Arial;}{\f1\fcharset0 X;}}{\stylesheet{\s1 heading 1;}}{\info{\title t}}"
       rb"\pard\outlinelevel0 Head\par\pard\f0 \'cf\'f0\'e8 \u8364?and{\v hidden}{\deleted gone} {\*\unknown x}\uc2\u233xx"
       rb"\f1\'e9 {\pict 00ff00}{\bin3 }}}end\par"
       rb"\trowd\intbl a\cell b\cell\row\intbl c\cell d\cell\row\pard after\par}")


def look_rtf(r):
    same(r.format, "rtf")
    same(r.kinds("heading"), ["Head"])
    same(r.kinds("para")[0], "\u041f\u0440\u0438 \u20acand \u00e9\u00e9 end")
    same(r.kinds("table"), ["| a | b |\n| --- | --- |\n| c | d |"])
    check("after", "after" in r.kinds("para"), r.blocks)


def look_rtf_notes(r):
    """By hand, as Word writes them, and as LibreOffice does, which marks them as what may be left out; rows that do not say twice that they are some."""
    same(r.blocks, [("para", 0, "Said here and on."), ("note", 0, "Who said it, and when."), ("note", 0, "And where."),
                    ("table", 0, "| a | inner b |\n| --- | --- |\n| c | d |"), ("note", 0, "Of a cell."), ("para", 0, "After.")])


def look_latex_links(r):
    same(r.text, "See the page in red, as said.\n\nAn old book.")


def look_rtf_shape(r):
    """The code page of a font that nobody chooses, a Macintosh's, what ends paragraphs besides \\par, and the text in a shape."""
    same([t for _, _, t in r.blocks], ["\u041f\u0440\u0438 \u00df\u00e4", "First", "Second", "Third", "Fourth", "Boxed in a shape"])


def look_flowed(r):
    same(r.kinds("para")[1:], ["Boats moor at the northern quay.\n set in\n-- \nThe office"])


def look_flowed_tight(r):
    same(r.kinds("para")[1:], ["Boats moor."])


def look_raw_headers(r):
    same(r.kinds("heading"), ["\u0426\u0435\u043d\u0430 \u043f\u0440\u0438\u0447\u0430\u043b\u0430"])


def look_unseen(r):
    same(r.text, "password and more")


HEADS = b"From: a@b\nDate: Fri, 15 Mar 2024 10:00:00 +0000\nMIME-Version: 1.0\n"
FLOWED = HEADS + (b"Content-Type: text/plain; format=flowed\n\nBoats moor at the \nnorthern quay.\n  set in\n-- \nThe office\n")
TIGHT = HEADS + b"Content-Type: text/plain; format=flowed; delsp=yes\n\nBoats mo \nor.\n"
RAW = (HEADS + "Subject: Цена причала\n\nПричал у северной стены принимает гостевые лодки с апреля по октябрь.\n".encode("cp1251"))

EML = (b"From: =?utf-8?q?J=C3=BCrgen?= <j@x.org>\r\nTo: a@b.c\r\nSubject: =?utf-8?b?" + base64.b64encode("Grüße".encode())
       + b"?=\r\nDate: Fri, 15 Mar 2024 10:00:00 +0100\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=X\r\n\r\n"
       b"--X\r\nContent-Type: multipart/alternative; boundary=Y\r\n\r\n--Y\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
       b"Content-Transfer-Encoding: quoted-printable\r\n\r\nSch=F6n.\r\n\r\n> said before\r\n\r\n--Y\r\nContent-Type: text/html\r\n\r\n"
       b"<p>html twin</p>\r\n--Y--\r\n--X\r\nContent-Type: text/markdown\r\nContent-Disposition: attachment; filename*=utf-8''n%C3%B6te.md\r\n"
       b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.b64encode(b"# Attached\n") + b"\r\n--X--\r\n")


def look_eml(r):
    same(r.format, "eml")
    same(r.kinds("heading"), ["Grüße", "Attached"])
    check("who", "From: Jürgen <j@x.org>" in r.text, r.text)
    check("text", "Schön." in r.kinds("para") and r.kinds("quote") == ["> said before"], r.blocks)
    check("one of two", "html twin" not in r.text, r.text)
    same([(p["kind"], p["label"]) for p in r.places], [("message", "Grüße"), ("file", "n\u00f6te.md")])


HTML_MAIL = (b"From: a@b\nSubject: Fees\nMIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n"
             b"<html><body><p>Four crowns <b>a night</b>.</p></body></html>")


def look_html_mail(r):
    same(r.text.count("Four crowns a night."), 1)


def look_html_packed(r):
    same([r.text.count(x) for x in ("First page.", "Second page.")], [1, 1])


def look_wide(what):
    def look(r):
        same((r.format, r.blocks[0][2]), what)
    return look


def look_mbox(r):
    same(r.format, "mbox")
    same([p["label"] for p in r.places], ["One", "Two"])
    check("both", "first body" in r.text and "second body" in r.text, r.text)


MBOX = b"".join(b"From x@y Fri Mar 15 10:00:00 2024\nFrom: x@y\nSubject: %s\nDate: Fri, 15 Mar 2024 10:00:00 +0000\n\n%s\n\n" % p
                for p in ((b"One", b"first body"), (b"Two", b"second body")))


def look_long(r):
    check("cut and said", len(r.text) < 9000 and any("longer" in w for w in r.warnings), r.warnings)


def look_hidden_html(r):
    same(r.text, "Shown")


FRAME = (b"<html><head><title>T</title></head><body><nav>Home</nav><div>Menu of all pages</div>%s<aside>See also</aside>"
         b"<div id='CookieBanner'><p>We value your privacy and would like to store things.</div><div>Subscribe to us</div>"
         b"<footer>Imprint</footer></body></html>")


def shown(*texts):
    return lambda r: same([text for _, _, text in r.blocks], list(texts))


def look_header(r):
    same(r.title, "T")
    same(r.blocks, [("heading", 1, "Pumps"), ("para", 0, "Open the valve first.")])


def frame_cases():
    """What marks its content is read without the rest; what does not is read whole, but for its frame."""
    article = b"<article><p>Open the valve slowly, and wait until the gauge stands still.</article>"
    return [
        Case("html main", FRAME % b"<main><p>Open the valve.</main>", shown("Open the valve.")),
        Case("html role main", FRAME % b"<div role=main><div>Open <b>the</b> valve.</div></div>", shown("Open the valve.")),
        Case("html header of an article", FRAME % b"<main><article><header><h1>Pumps</h1></header><p>Open the valve first."
             b"<aside>Advertisement</aside><footer>Shares</footer></article></main>", look_header),
        Case("html articles", FRAME % (article + article.replace(b"Open", b"Close")),
             shown(*("%s the valve slowly, and wait until the gauge stands still." % w for w in ("Open", "Close")))),
        Case("html no main", FRAME % b"<div><p>Open the valve.</div>", shown("Menu of all pages", "Open the valve.", "Subscribe to us")),
        # An application that fills its main later, and teasers beside the text.
        Case("html empty main", FRAME % b"<main></main><p>Open the valve.", shown("Menu of all pages", "Open the valve.", "Subscribe to us")),
        Case("html teasers", b"<html><body><div><p>%s</div><article>Next</article>" % (b"Open the valve. " * 9).strip(),
             shown(("Open the valve. " * 9).strip(), "Next")),
        Case("html recipe", b"<html><body><div class='cookie-recipe'>Bake them.</div><p class='consent'>Ask first.</p>",
             shown("Bake them.", "Ask first.")),
        Case("html only a frame", b"<html><body><header><p>All stands here.</header>", shown("All stands here.")),
    ]


SPANS = (b"<table><tr><th rowspan=2>Boat<th colspan=2>2023</tr><tr><th>Units<th>Sum</tr><tr><td rowspan=2>Dinghy<td>1<td>2</tr><tr><td>3<td>4</tr>"
         b"<tr><td colspan=2>Both<td>6</tr><tr><td>Barge<td rowspan=2>7<td>8</tr><tr><td>Yacht</tr><tr><td colspan=9>As of May</table>")


def look_spans(r):
    """Each row says by itself what it says, and a title across all of them says it once."""
    same(r.kinds("table"), ["| Boat | 2023 Units | 2023 Sum |\n| --- | --- | --- |\n| Dinghy | 1 | 2 |\n| Dinghy | 3 | 4 |\n| Both | Both | 6 |\n"
                            "| Barge | 7 | 8 |\n| Yacht | 7 |  |\n| As of May |  |  |"])


MIXED = b"""<details>
<summary>How to <b>moor</b></summary>

Stern *first*.

</details>

<table><tr><td>Fee<td>4</table>

one<br>two &uuml;&#8217;&#x41; &unknown;

| a |
|---|
| x<br/>y |

<script>z</script>
<!-- w -->
"""


def look_mixed(r):
    same(r.blocks, [("para", 0, "How to moor"), ("para", 0, "Stern first."), ("table", 0, "| Fee | 4 |\n| --- | --- |"),
                    ("para", 0, "one\ntwo \u00fc\u2019A &unknown;"), ("table", 0, "| a |\n| --- |\n| x y |")])


DRAWING = (b'<svg xmlns="http://www.w3.org/2000/svg"><style>.a{fill:red}</style><metadata><b>by a program</b></metadata><title>Map</title>'
           b'<g><g><g><text x="1"><tspan>Nor</tspan><tspan>th</tspan><tspan x="9">quay</tspan></text><text>Lock</text></g></g></g></svg>')


def cases():
    return [
        Case("html spans", SPANS, look_spans, file="t.html"),
        Case("html numbered", b"<ol start=4><li>four<li>five</ol><ul><li>dot</ul>", lambda r: same(r.kinds("list"), ["4. four", "5. five", "- dot"]), file="t.html"),
        Case("html in a charset of xml", '<?xml version="1.0" encoding="iso-8859-2"?><html><p>\u017babka'.encode("iso-8859-2"), lambda r: same(r.text, "\u017babka")),
        Case("text markdown with html", MIXED, look_mixed, file="t.md"),
        Case("text xml undeclared", b"\n<feed><entry><title>Quay</title></entry></feed>", lambda r: same(r.blocks, [("para", 0, "Quay")]), file="a.xml"),
        Case("text drawing", DRAWING, lambda r: same([t for _, _, t in r.blocks], ["Map", "North quay", "Lock"]), file="a.svg"),
        Case("text rtf stand-ins", rb"{\rtf1 {\u1055}a\u8211\endash b \u8364 \par}", lambda r: same(r.text, "\u041fa\u2013b \u20ac")),
        Case("text rtf long notes", rb"{\rtf1 x{\footnote " + b"word " * 300000 + rb"}\par y}", lambda r: check("it is said", any("notes" in w for w in r.warnings), r.warnings)),
        Case("text underlined", UNDERLINED, look_underlined, file="rules.txt"),
        Case("text csv", b"name;note\r\na;\"one\r\ntwo\"\r\nb;1,5\r\nc;\"say \"\"x\"\" | y\"\r\n", look_csv, file="t.csv"),
        Case("text csv utf-16", "a\tb\n1\t\u00e9\n".encode("utf-16"), table("| a | b |", "| 1 | \u00e9 |"), file="t.csv"),
        Case("text csv open quote", b'a,b\n1,"two\n3,f""our\n', table("| a | b |", '| 1 | "two |', '| 3 | f""our |'), file="t.csv"),
        Case("text csv sep", b"sep=|\na|b\n1|2,3\n", table("| a | b |", "| 1 | 2,3 |"), file="t.txt"),
        Case("text json records", b'[{"a":1,"b":"x"},{"b":true}]', look_records),
        Case("text json broken", b'{"a": 1,\n// comment\n', lambda r: same(r.format, "text")),
        Case("text notebook", notebook, look_notebook),
        Case("text notebook of the third form", old_notebook, look_old_notebook),
        Case("text json numbers", NUMBERS, look_numbers),
        Case("text xml", b'<?xml version="1.0"?><r><a><p>One &amp; two</p></a><a><p>Three <b>bold</b> four</p></a></r>', look_xml),
        Case("text latex", LATEX, look_latex),
        Case("text latex printed", PRINTED, look_printed, file="t.tex"),
        Case("text latex accents", b"\\begin{document}x\\\"\\'{\\^{\\c{\\k ab}}}\\v", lambda r: check("letters", "x" in r.text, r.text), file="t.tex"),
        Case("text latex tabular", TABULAR, look_tabular, file="t.tex"),
        Case("text utf-16 without zeros", "\u6d77\u9e25\u5728\u6e2f\u53e3\u4e0a\u7a7a\u9e23\u53eb\u3002".encode("utf-16-le"),
             lambda r: same(r.text, "\u6d77\u9e25\u5728\u6e2f\u53e3\u4e0a\u7a7a\u9e23\u53eb\u3002")),
        Case("text shift_jis", "\u6e2f\u306e\u4e0a\u3067\u30ab\u30e2\u30e1\u304c\u9cf4\u3044\u3066\u3044\u307e\u3059\u3002\n".encode("shift_jis"),
             lambda r: check("Shift-JIS", r.text.startswith("\u6e2f\u306e\u4e0a"), r.text)),
        Case("text of dos", "M\u00f6wen \u00fcber dem Hafen sind fr\u00f6hlich\n".encode("cp850"),
             lambda r: same(r.text, "M\u00f6wen \u00fcber dem Hafen sind fr\u00f6hlich")),
        Case("text of the mac", ("Les \u00e9l\u00e8ves \u00e9taient d\u00e9j\u00e0 l\u00e0, \u00e0 c\u00f4t\u00e9 de la for\u00eat. \u00ab O\u00f9 est-ce ? \u00bb\r" * 4).encode("mac_roman"),
             lambda r: check("letters", "Les \u00e9l\u00e8ves \u00e9taient d\u00e9j\u00e0 l\u00e0, \u00e0 c\u00f4t\u00e9 de la for\u00eat." in r.text, r.text)),
        Case("text of the mac, German", "Gr\u00f6\u00dfe und Ma\u00dfe der M\u00f6wen\rst\u00fcckweise gez\u00e4hlt\r".encode("mac_roman"),
             lambda r: check("letters", "Gr\u00f6\u00dfe und Ma\u00dfe der M\u00f6wen" in r.text and "gez\u00e4hlt" in r.text, r.text)),
        Case("text of windows, Slavic", "Du\u0161an \u0160koda a \u017edi\u0161i\r\n".encode("cp1252"),
             lambda r: check("letters", "Du\u0161an" in r.text, r.text)),
        Case("text of windows", "\u201cIt\u2019s fine\u201d \u2013 the M\u00f6wen\u2026 caf\u00e9\n".encode("cp1252"),
             lambda r: same(r.text, "\u201cIt\u2019s fine\u201d \u2013 the M\u00f6wen\u2026 caf\u00e9")),
        Case("text eml forwarded", FORWARDED, look_forwarded),
        Case("text code", b"def f():\n    return 1\n", look_code, file="a.py"),
        Case("text minified", b"var a=" + b"x;" * 20000, fails("unsupported", "minified"), file="a.min.js"),
        Case("text rtf", RTF, look_rtf),
        Case("text rtf notes", rb"{\rtf1 Said here{\super\chftn}{\*\footnote\pard\chftn Who said it,\par and when.} and on{\footnote And where.}.\par"
             rb"\trowd a{\footnote Of a cell.}\cell inner\nestcell b\cell\row\trowd c\cell d\cell\row\pard After.\par}", look_rtf_notes),
        Case("text rtf shape", rb"{\rtf1\ansi\deff1{\fonttbl{\f0\fcharset0 A;}{\f1\fcharset204 B;}{\f2\fcharset77 C;}}\'cf\'f0\'e8 {\f2\'a7\'8a}\par "
             rb"First\sect\sectd Second\page Third\column Fourth{\shp{\*\shpinst\shpleft1{\sp{\sn x}{\sv 1}}{\shptxt\pard Boxed in a shape\par}}{\shprslt twice}}\par}",
             look_rtf_shape),
        Case("text eml flowed", FLOWED, look_flowed),
        Case("text eml flowed tight", TIGHT, look_flowed_tight),
        Case("text eml raw headers", RAW, look_raw_headers),
        Case("text unseen", "pass\u2060word\u2066 and\u2069 more\U000e0041\ufff9\U000e0155".encode(), look_unseen, file="a.txt"),
        Case("text latex links", rb"\documentclass{x}\begin{document}See \href{https://e.org/x}{the page} in \textcolor{blue}{red}\index{red}, as \autocite{a}said."
             b"\n\n\\begin{thebibliography}{9}\\bibitem{a} An old book.\\end{thebibliography}\\end{document}", look_latex_links),
        Case("text rtf deep", b"{\\rtf1 " + b"{" * 100000 + b"x", fails("empty")),
        Case("text eml", EML, look_eml),
        Case("text eml of html", HTML_MAIL, look_html_mail),
        Case("text behind an attachment", BEHIND, look_behind, file="a.eml"),
        Case("text within an archive", within, look_within),
        Case("text html packed", lambda: zipped([("a.html", b"<p>First page."), ("b.html", b"<html><p>Second page.")]), look_html_packed),
        Case("text html spoken", "<p>\u6f22<ruby>\u5b57<rp>(<rt>\u3058<rp>)</ruby>".encode(), lambda r: same(r.text, "\u6f22\u5b57"), file="t.html"),
        Case("text html notes", b"<p>quay<a href=#n><sup>1</sup></a> and lock<sup><a href=#m>2</a></sup>, 3 m<sup>2</sup> <a href=x>link</a>s",
             lambda r: same(r.text, "quay 1 and lock 2, 3 m2 links"), file="t.html"),
        Case("text json wide", '\ufeff {"k":"\u00fc"}'.encode("utf-16-be"), look_wide(("json", '{\n  "k": "\u00fc"\n}'))),
        Case("text notebook wide", '\ufeff{"nbformat":4,"cells":[{"cell_type":"markdown","source":"# \u00fc"}]}'.encode("utf-16-le"),
             look_wide(("notebook", "\u00fc"))),
        Case("text xml records", b'<?xml version="1.0"?><chart><light id="a1" name="Skagen &amp; Nord" height="46 m"/>'
             b'<light name="Hirtshals">in the west</light></chart>', look_xml_records),
        Case("text xml drawing", b'<?xml version="1.0"?><svg width="100" height="100"><path d="M 1 1 L 99 99"/><text>Quay</text></svg>',
             lambda r: same(r.blocks, [("para", 0, "Quay")])),
        Case("text xml wide", '\ufeff<?xml version="1.0" encoding="UTF-16"?><a><b>\u00fc</b></a>'.encode("utf-16-le"), look_wide(("xml", "\u00fc"))),
        Case("text mbox", MBOX, look_mbox),
        Case("text long line", b"x" * 100000, look_long),
        Case("text nul", b"a\0b plain text with a NUL in it, as some programs write", lambda r: check("gone", "\0" not in r.text, r.text)),
        Case("html deep", b"<html><body>" + b"<div>" * 200000 + b"Deep", lambda r: same(r.failure, "empty")),
        Case("html deep enough", b"<html><body>" + b"<div>" * 1000 + b"Deep", lambda r: same(r.text, "Deep")),
        Case("html hidden", b"<html><body><p>Shown<p style='display:none'>ignore all<p hidden>x<script>y</script>", look_hidden_html),
        *frame_cases(),
        Case("binary", b"\x7fELF\x02\x01\x01" + bytes(range(256)) * 8, fails("unsupported", "Convert")),
        Case("empty", b"", fails("empty")),
    ]
