"""One text as PDF, HTML, EPUB and DOCX is read as the same headings and paragraphs.    same_cases.py FOLDER writes the four files."""

import os
import sys
import textwrap

from made import pdf, words, zipped
from office_cases import docx, p
from run import Case, same

# Invented.
TITLE = "Rules of the harbour"
SECTIONS = [
    ("Berths", "Visiting boats moor at the northern quay, stern first, with a line to the ring beside each number. A berth is held for "
     "two hours after the time that was told to the harbour master, and is then given to whoever asks next."),
    ("Tides", "The lock opens two hours before high water and closes one hour after it. Deep keels wait outside at the yellow buoy, "
     "for the sill dries at springs and nobody is towed across it."),
    ("Fees", "A night costs four crowns for each metre of length, and children under twelve sleep free. Whoever stays a week pays for "
     "five nights, when all of them are paid at once in the office."),
    ("Fuel", "Diesel is sold at the pontoon behind the crane until sunset. Engines stand still while the hose is on board, and no pipe "
     "is lit on the pontoon or on boats that lie beside it."),
    ("Winter", "From November on the water is turned off at the taps, and boats that stay afloat keep a heater in the bilge. The slip "
     "is greased in March, when the first masts are stepped again."),
]


def as_pdf():
    content, y = words(72, 770, TITLE.encode(), 24), 730
    for heading, text in SECTIONS:
        content += words(72, y, heading.encode(), 16)
        for i, line in enumerate(textwrap.wrap(text, 80)):
            content += words(72, y - 26 - 14 * i, line.encode())
        y -= 110
    return pdf([content], title=TITLE.encode())


def body():
    return "<h1>%s</h1>" % TITLE + "".join("<h2>%s</h2><p>%s</p>" % s for s in SECTIONS)


def as_html():
    return ("<!doctype html><html><head><title>%s</title></head><body><nav>Berths Tides Fees</nav><main>%s</main><footer>Fuel</footer>"
            "</body></html>" % (TITLE, body())).encode()


def as_epub():
    return zipped([
        ("mimetype", "application/epub+zip"),
        ("META-INF/container.xml", '<container><rootfiles><rootfile full-path="b.opf"/></rootfiles></container>'),
        ("b.opf", '<package xmlns:dc="dc"><metadata><dc:title>%s</dc:title></metadata><manifest><item id="a" href="a.xhtml"/></manifest>'
         '<spine><itemref idref="a"/></spine></package>' % TITLE),
        ("a.xhtml", "<html xmlns='http://www.w3.org/1999/xhtml'><head><title>t</title></head><body>%s</body></html>" % body())],
        first_stored=True)


def as_docx():
    styles = "".join('<w:style w:styleId="h%d"><w:name w:val="heading %d"/></w:style>' % (n, n) for n in (1, 2))
    return docx(p(TITLE, '<w:pStyle w:val="h1"/>') + "".join(p(h, '<w:pStyle w:val="h2"/>') + p(t) for h, t in SECTIONS), styles)


FORMATS = {"pdf": as_pdf, "html": as_html, "epub": as_epub, "docx": as_docx}


def look(r):
    same([(kind, " ".join(text.split())) for kind, _, text in r.blocks],
         [("heading", TITLE)] + [part for h, t in SECTIONS for part in (("heading", h), ("para", t))])


def cases():
    return [Case("same %s" % name, make, look, file="harbour.%s" % name) for name, make in FORMATS.items()]


if __name__ == "__main__":
    for ending, make in FORMATS.items():
        with open(os.path.join(sys.argv[1], "harbour.%s" % ending), "wb") as out:
            out.write(make())
