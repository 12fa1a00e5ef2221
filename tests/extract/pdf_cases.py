"""PDF: reading order, headings, boxes, running heads, what is locked, scanned, garbled, cut off, or a bomb."""

import shutil

from made import pdf, words
from run import Case, check, fails, same


def heads():
    return pdf([words(72, 800, b"The running head") + words(72, 700, b"Chapter %d" % i, 20)
                + words(72, 660, b"This line runs to the end of what there is here and is bro-")
                + words(72, 646, b"ken over two lines. And so it goes on, for a while longer.")
                + words(290, 30, b"Page %d" % i) for i in range(1, 7)], title=b"A title")


def look_heads(r):
    same(r.title, "A title")
    same(r.kinds("heading"), ["Chapter %d" % i for i in range(1, 7)])
    check("joined", "here and is broken over two lines." in r.kinds("para")[0], r.kinds("para")[0])
    check("heads are left out", "running" not in r.text and "Page" not in r.text, r.text)
    same([p["number"] for p in r.places], [1, 2, 3, 4, 5, 6])
    same((r.places[0]["width"], r.places[0]["height"]), (595.0, 842.0))
    para = next(b for b in r.raw_blocks if b["kind"] == "para")
    same([r.text.encode()[b[0]:b[1]].decode() for b in para["boxes"]][:4], ["This", "line", "runs", "to"])
    same([r.text.encode()[b[0]:b[1]].decode() for b in para["boxes"]][12:16], ["is", "bro", "ken", "over"])
    first, second = para["boxes"][:2]
    same(first[0], para["start"])
    check("where it stands", abs(first[2] - 72) < 1 and 165 < first[3] < 185, first)
    check("one behind the other", first[4] < second[2] < second[4] and first[3] == second[3], second)


def columns():
    """Two columns, written row by row."""
    out = b""
    for row in range(20):
        out += words(60, 700 - 14 * row, b"left %02d is a line of the left column" % row)
        out += words(330, 700 - 14 * row, b"right %02d is one of the right column" % row)
    return pdf([out])


def look_columns(r):
    check("left before right", r.text.index("left 19") < r.text.index("right 00"), r.text[:200])


def table(rows, columns, y, step):
    return b"".join(words(x, y - step * i, cell) for i, row in enumerate(rows) for x, cell in zip(columns, row) if cell)


ROWS = [(b"Boat", b"Length", b"Price", b"Remarks"), (b"Dinghy", b"3 m", b"4.50", b"none"),
        (b"Yacht", b"12 m", b"31.00", b"water|power"), (b"Barge", b"40 m", b"120.00", b"")]
WANTED = ("| Boat | Length | Price | Remarks |\n| --- | --- | --- | --- |\n| Dinghy | 3 m | 4.50 | none |\n"
          "| Yacht | 12 m | 31.00 | water\\|power |\n| Barge | 40 m | 120.00 | |")


def tables():
    """A loose one, written column by column; a dense one between prose; items with numbers, which are no table."""
    loose = b"".join(words(x, 700 - 40 * i, row[n]) for n, x in enumerate((60, 200, 300, 400)) for i, row in enumerate(ROWS) if row[n])
    dense = (words(60, 540, b"What a night costs is in the table that follows, and it holds for the whole of the year.")
             + table(ROWS, (60, 110, 160, 210), 500, 13) + words(60, 430, b"Who stays longer pays less."))
    items = table([(b"%d." % i, b"the item of this number, which says so") for i in range(1, 7)], (60, 90), 380, 13)
    return pdf([words(60, 760, b"The harbour opens at noon, and closes when the last boat has come in.") + loose + dense + items])


def look_tables(r):
    same(r.kinds("table"), [WANTED, WANTED])
    check("in order", r.text.index("opens at noon") < r.text.index("| Boat") < r.text.index("costs") < r.text.rindex("| Boat")
          < r.text.index("stays longer") < r.text.index("the item of this"), r.text)
    block = next(b for b in r.raw_blocks if b["kind"] == "table")
    box = next(b for b in block["boxes"] if r.text.encode()[b[0]:b[1]] == b"31.00")
    check("where it stands", abs(box[2] - 300) < 1, box)


PROSE = [b"Whoever lies in the harbour pays by the", b"night, and all that is used of water and", b"power is told apart. Boats that are moored",
         b"alone pay the half of it, as those of the", b"club do, which has been so for many years."]


def tables_beside():
    """A table beside a column of text, whose head reaches over two columns; one of terms in two columns."""
    head = words(360, 720, b"Berth") + words(440, 720, b"What it costs in the year")
    costs = table([(b"", b"Summer", b"Winter"), (b"North", b"120", b"80"), (b"South", b"140", b"95"), (b"West", b"95", b"60")],
                  (360, 440, 500), 706, 14)
    terms = table([(b"Bow", b"its front"), (b"Stern", b"its end"), (b"Keel", b"beneath"), (b"Mast", b"above")], (60, 200), 560, 20)
    return pdf([table([(x,) for x in PROSE], (60,), 720, 14) + head + costs + terms])


def look_tables_beside(r):
    same(r.kinds("table"), ["| Bow | its front |\n| --- | --- |\n| Stern | its end |\n| Keel | beneath |\n| Mast | above |",
                            "| Berth | What it costs in the year | |\n| --- | --- | --- |\n| | Summer | Winter |\n| North | 120 | 80 |\n"
                            "| South | 140 | 95 |\n| West | 95 | 60 |"])
    check("the text is whole", b" ".join(PROSE).decode() in r.text.replace("\n", " "), r.text)


def no_tables():
    """What stands as tables do: a list of contents, a listing, text set as wide as its column, three columns of text."""
    contents = table([(b"Of boats", b"3"), (b"Of harbours and the sea", b"7"), (b"Of storms", b"7"), (b"Of ends", b"12")], (60, 400), 780, 14)
    wide = b"".join(words(60 + 70 * k, 690 - 14 * i, w) for i, row in enumerate((b"All of these words are far apart", b"since the line was to be full"))
                    for k, w in enumerate(row.split()))
    thirds = b"".join(words(60 + 170 * k, 620 - 14 * i, b"%s line %d of it says" % (c, i + 10))
                      for i in range(8) for k, c in enumerate((b"left this", b"middle this", b"right this")))
    index = table([(b"anchor, 12", b"harbour, 3, 90"), (b"berth, 7, 41", b"of refuge, 4"), (b"buoy, 65-67", b"jetty , 31"),
                   (b"crane, 9", b"at sea")], (60, 300), 780, 14)
    books = table([(b"[Knu84]", b"D. Knuth. Literate programming, 1984."), (b"[Lam94a]", b"L. Lamport. A system, 1994."),
                   (b"[GMS94]", b"M. Goossens and others.")], (60, 130), 640, 14)
    return pdf([contents + wide + thirds, index + books])


def listing(x, y):
    """Lines with numbers in smaller letters, with a step to the right."""
    lines = [b"int n = 0;", b"while (n < 9) {", b"n += step(n);", b"print(n);", b"}"]
    return b"".join(words(x, y - 14 * i, b"%d" % (i + 98), 6) + words(x + (60 if i in (2, 3) else 30), y - 14 * i, line) for i, line in enumerate(lines))


def more_no_tables():
    """A listing, formulas with fractions, the words of a drawing, headings with names set apart, contents of several levels."""
    formulas = b"".join(words(60, y, b"f") + words(90, y, b"=") + words(130 + 60 * k, y + 5, b"a") + words(130 + 60 * k, y - 6, b"b", 9)
                        + words(160 + 60 * k, y, b"+ c") + words(420, y, b"(%d)" % k) for k, y in enumerate((600, 570, 540, 510)))
    drawing = b"".join(words(x, y, w) for x, y, w in ((60, 420, b"quay"), (200, 416, b"wall"), (340, 420, b"lock"), (130, 398, b"boat"),
                                                      (340, 394, b"gate"), (60, 376, b"mole"), (270, 372, b"buoy"), (420, 376, b"sea")))
    sections = (words(60, 780, b"4.11") + words(110, 780, b"Of ropes") + words(60, 764, b"rope(length)") + words(400, 764, b"(function)")
                + words(60, 748, b"rope(length, width)") + words(400, 748, b"(function)"))
    contents = table([(b"1", b"Boats", b"", b"", b"3"), (b"", b"1.1", b"Of wood", b"", b"4"), (b"", b"1.2", b"Of steel", b"", b"9"),
                      (b"", b"", b"1.2.1", b"Old ones", b"11"), (b"2", b"Harbours", b"", b"", b"20")], (60, 90, 130, 180, 400), 640, 14)
    return pdf([listing(60, 760) + formulas + drawing, sections + contents])


def like_no_tables():
    """Tables all the same: numbered rows with shares, and few cells of many."""
    rows = table([(b"1", b"Ada", b"12%"), (b"2", b"Bob", b"7%"), (b"3", b"Cy", b"9%"), (b"4", b"Di", b"1%")], (60, 100, 200), 780, 14)
    days = table([(b"Time", b"Monday", b"Tuesday", b"Friday"), (b"8:00", b"sailing", b"", b"rowing"), (b"9:00", b"", b"knots", b""),
                  (b"10:00", b"", b"", b"swimming"), (b"11:00", b"ropes", b"", b"")], (60, 130, 230, 330), 640, 14)
    return pdf([rows + days])


def like_an_index():
    """Tables all the same: a column of dates, and one of what looks like a citation."""
    dates = table([(b"Boat", b"Built"), (b"Dinghy", b"May 5, 2024"), (b"Yacht", b"June 7, 1990"), (b"Barge", b"July 1, 1801")], (60, 300), 780, 14)
    fields = table([(b"[,1]", b"Ozone", b"numeric"), (b"[,2]", b"Wind", b"numeric"), (b"[,3]", b"Temp", b"numeric")], (60, 130, 300), 640, 14)
    return pdf([dates + fields])


def look_like_an_index(r):
    same([len(t.split("\n")) for t in r.kinds("table")], [5, 4])


def look_more_no_tables(r):
    same(r.kinds("table"), [])
    same(r.kinds("code"), ["98 int n = 0;\n99 while (n < 9) {\n100     n += step(n);\n101     print(n);\n102 }"])
    block = next(b for b in r.raw_blocks if b["kind"] == "code")
    same([r.text.encode()[b[0]:b[1]].decode() for b in block["boxes"]][:6], ["98", "int", "n", "=", "0;", "99"])


def look_like_no_tables(r):
    same([len(t.split("\n")) for t in r.kinds("table")], [5, 6])


def look_no_tables(r):
    same(r.kinds("table"), [])
    check("a column behind the other", r.text.index("left this line 17") < r.text.index("middle this line 10"), r.text)


def wrong_unicode():
    """A font whose ToUnicode says something else: plausible junk, without any message."""
    pairs = b"".join(b"<%02x> <%04x>\n" % (c, 0xE000 + c) for c in range(32, 127))
    cmap = (b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def 1 begincodespacerange <00> <ff> "
            b"endcodespacerange 95 beginbfchar\n" + pairs + b"endbfchar endcmap end end")
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/ToUnicode 5 0 R>>"
    return pdf([words(72, 700, b"The quick brown fox jumps over the lazy dog, again and again.")], font,
               more=[b"<</Length %d>>stream\n%s\nendstream" % (len(cmap), cmap)])


# Lines as wide as their column, of which each goes on in the next one.
LEFT = ["boats moor at the northern quay", "and pay four crowns in advance,", "water and power are paid for in", "it; whoever stays for two weeks",
        "pays for ten nights if all have", "been paid on the same afternoon"]
RIGHT = ["the lock is open for two hours", "before high water and for one", "after it, and deep keels wait", "at the yellow buoy until they",
         "are called by the keeper who", "tells them the order of entry"]
WIDE = ["all of this page has lines that go from its left to the right of it", "and over both of its columns, which begin below here and end above it"]


def mapped(pages):
    """Pages of lines in any script, drawn by a font that says which characters it shows."""
    chars = sorted({c for lines in pages for line in lines for c in line if ord(c) > 126})
    codes = {c: 128 + i for i, c in enumerate(chars)}
    pairs = b"".join(b"<%02x> <%04x>\n" % (codes[c], ord(c)) for c in chars)
    pairs += b"".join(b"<%02x> <%04x>\n" % (c, c) for c in range(32, 127))
    cmap = (b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def 1 begincodespacerange <00> <ff> "
            b"endcodespacerange %d beginbfchar\n" % (len(chars) + 95) + pairs + b"endbfchar endcmap end end")
    number = 3 + 2 * len(pages)
    widths = b" ".join([b"500"] * 224)
    font = (b"<</Type/Font/Subtype/TrueType/BaseFont/Helvetica/FirstChar 32/LastChar 255/Widths[%s]/ToUnicode %d 0 R>>" % (widths, number))
    drawn = [b"".join(b"BT /F1 11 Tf 60 %d Td <%s> Tj ET\n" % (
        700 - 14 * i, bytes(codes.get(c, ord(c)) for c in line).hex().encode()) for i, line in enumerate(lines)) for lines in pages]
    return pdf(drawn, font, more=[b"<</Length %d>>stream\n%s\nendstream" % (len(cmap), cmap)])


# As they stand on the page, from left to right: letters, words, and lines that are mostly so.
HEBREW = "סירות אורחות עוגנות ברציף הצפוני מאפריל עד אוקטובר"
FROM_RIGHT = [[HEBREW[::-1], "ברעב Dock North 12 תוחרוא תוריס".replace("ברעב", "בערב"[::-1]), ")" + "כאן"[::-1] + "( 4 " + "המחיר"[::-1],
               "Linux-" + "ב"],
              ["Visiting boats are called " + "סירות אורחות"[::-1] + " in the harbour of the town,", "and Linux is written from the left as ever it was."]]


def look_from_right(r):
    lines = r.text.replace("\n", " ")
    for wanted in (HEBREW, "סירות אורחות Dock North 12 בערב", "המחיר 4 (כאן)", "ב-Linux", "are called סירות אורחות in the harbour", "Linux is written"):
        check("has " + wanted, wanted in lines, lines)
    boxes = [(r.text.encode()[b[0]:b[1]].decode(), b[2]) for block in r.raw_blocks for b in block.get("boxes", ())]
    check("the first word stands on the right", boxes[0][0] == "סירות" and boxes[0][1] > boxes[1][1], boxes[:3])


JOINED = [["Гостевые лодки стоят у северной стены прича-", "ла, und ein Kai von großer Län-", "ge trägt den Namen des alten Müller-",
           "Lüdenscheidt. The lists here are all up-to-", "date, as are the fore- and the after- and the main-", "or mizzenmasts of the boats that we have."],
          ["北の岸壁は四月から十月まで来客の船を受け入れますので停泊料は一晩四クラウンで水と電気は含まれ", "ていますし、シャワー室の鍵は管理人が渡しますので、いつでも事務所までお越しください。"]]


def look_joined(r):
    for wanted in ("причала, und", "Länge trägt", "Müller-Lüdenscheidt", "up-to-date", "main- or mizzenmasts", "含まれています"):
        check("has " + wanted, wanted in r.text, r.text)


def look_garbled(r):
    # With text recognition the page is read all the same.
    if r.failure:
        same(r.failure, "scanned")
    else:
        same(r.states, ["ocr"])
        check("recognised", "quick brown fox" in r.text, r.text)


def scanned():
    return pdf([b"q 400 0 0 600 100 100 cm BI /W 1 /H 1 /BPC 8 /CS /G ID x EI Q"])


def one_bad_page():
    """The second page makes pdftotext use up what it may; the first one must be there."""
    bomb = b"BT /F1 8 Tf " + b"".join(b"1 0 0 1 %d %d Tm (a b c d e f g h i j k l m n o p) Tj " % (i % 500, i * 7 % 800) for i in range(4000)) * 60 + b"ET"
    return pdf([words(72, 700, b"The first page can be read well."), bomb],
               packed=True)


def look_bad_page(r):
    same(r.failure, None)
    check("the others", "first page" in r.text, r.text[:200])
    check("it is said", any("Page 2 cannot be read" in w for w in r.warnings), r.warnings)


def locked():
    # An encryption dictionary with the standard handler and a user password that nobody knows.
    data = pdf([words(72, 700, b"secret")])
    encrypt = (b"<</Filter/Standard/V 1/R 2/P -4/O<" + b"41" * 32 + b">/U<" + b"42" * 32 + b">>>")
    return data.replace(b"trailer<<", b"trailer<</ID[<00><00>]/Encrypt " + encrypt)


def look_hidden(r):
    check("too small", "ignore" not in r.text, r.text)
    check("the rest", "Seen by everybody" in r.text, r.text)


def contents_and_code():
    """Contents in two columns of the page, and with pages in Roman letters; a structure of C with comments beside. And what looks like the
    first of them: two columns of numbers that stand in order, but not from the one to the other."""
    beside = table([(b"%d" % i, b"Of boats", b"%d" % (2 * i), b"%d" % (i + 5), b"Of storms", b"%d" % (20 + i)) for i in range(1, 6)],
                   (60, 90, 200, 300, 330, 440), 780, 14)
    roman = table([(b"Preface", b"v"), (b"Thanks", b"vii"), (b"Figures", b"ix"), (b"Of boats", b"1"), (b"Of storms", b"12")], (60, 300), 680, 14)
    code = table([(b"char", b"name[32];", b"/* as painted */"), (b"double", b"length;", b"/* metres */"), (b"unsigned", b"crew;", b"/* nobody aboard */"),
                  (b"#define BOATS", b"64", b"")], (80, 160, 260), 580, 14)
    figures = table([(b"Boat", b"Place", b"Nights", b"Berth", b"Harbour", b"Crowns")]
                    + [(b"%d" % i, b"North", b"%d" % (40 + i), b"%d" % i, b"South", b"%d" % (3 * i)) for i in range(1, 5)],
                   (60, 120, 200, 280, 350, 440), 480, 14)
    return pdf([beside + roman + code, figures])


def look_contents_and_code(r):
    same([t.split("\n")[0] for t in r.kinds("table")], ["| Boat | Place | Nights | Berth | Harbour | Crowns |"])
    for word in ("Of boats", "Preface", "vii", "name[32];", "/* nobody aboard */", "#define BOATS", "64"):
        check("nothing is lost", word in r.text, word)


def contents():
    """What an outline says, and a list of contents says again; a price list looks like one."""
    items = [(b"1.1 Berths and quays . . . . . . . . . . . 2", b"Berths and quays"), (b"1.2 Fees of a week ....................... 2", b"Fees of a week")]
    file = pdf([b"".join(words(72, 700 - 14 * i, line) for i, (line, _) in enumerate(items)) + words(72, 640, b"Crane, an hour . . . . . . . . 9.00"),
                b"".join(words(72, 700 - 60 * i, b"1.%d %s" % (i + 1, title)) + words(72, 670 - 60 * i, b"What is said of it.")
                         for i, (_, title) in enumerate(items))],
               more=[b"<</Type/Outlines/First 8 0 R/Last 9 0 R/Count 2>>"]
               + [b"<</Title(%s)/Parent 7 0 R/Dest[5 0 R/Fit]%s>>" % (title, more) for (_, title), more in zip(items, (b"/Next 9 0 R", b"/Prev 8 0 R"))])
    return file.replace(b"/Catalog/", b"/Catalog/Outlines 7 0 R/")


def look_contents(r):
    same(r.kinds("heading"), ["1.1 Berths and quays", "1.2 Fees of a week"])
    same([r.text.count(x) for x in ("Berths and quays", "Fees of a week", "Crane, an hour")], [1, 1, 1])


def far_out():
    """Words on a page that is three kilometres wide, and a letter that no page is wide enough for."""
    far = words(72, 700, b"Seen by everybody who looks.") + words(2000000, 600, b"Far out at sea.")
    return (pdf([far, words(72, 700, b"A page follows.") + b"BT /F1 11 Tf " + b"9" * 44 + b" 0 0 1 72 600 Tm (Huge) Tj ET "])
            .replace(b"[0 0 595 842]", b"[0 0 9000000 842]", 1))


def look_far_out(r):
    same([text for _, _, text in r.blocks][:3], ["Seen by everybody who looks.", "Far out at sea.", "A page follows."])
    same([len(b.get("boxes", ())) for b in r.raw_blocks][:3], [5, 0, 3])


def unseen():
    """White on white, drawn invisibly, and what looks like it: white in a dark field, and words behind the picture of a scan."""
    return pdf([words(72, 700, b"Seen by everybody who looks.") + b"1 g " + words(72, 600, b"Ignore all") + b"0.97 1 1 rg "
                + words(72, 580, b"Praise this") + b"0 g 3 Tr " + words(72, 560, b"Obey me") + b"0 Tr 0 0 0.6 rg 60 500 400 40 re f 1 g "
                + words(72, 510, b"Heading in a field") + b"0 g " + words(72, 440, b"Black") + b"1 g " + words(104, 440, b"gone")
                + b"0 g " + words(132, 440, b"again"),
                words(72, 700, b"An ordinary page follows."),
                b"".join(b"%d %d 4 9 re f " % (72 + 6 * i, 500) for i in range(20)) + b"3 Tr " + words(72, 500, b"Recognised words")])


def look_unseen(r):
    same([text for _, _, text in r.blocks], ["Seen by everybody who looks.", "Heading in a field", "Black again",
                                             "An ordinary page follows.", "Recognised words"])
    same(r.warnings, ["Text that cannot be seen was left out (7 words)."])


def cut_pages():
    """What stands beside the part of the page that is shown: marks of printers, and what is to be read by machines alone; turned as well."""
    page = words(72, 700, b"Seen by everybody who looks.") + words(72, 20, b"CROP MARK") + words(1, 500, b"Obey") + b"1 g " + words(72, 600, b"White")
    box = b"[0 0 595 842]/CropBox[50 50 545 792]"
    return (pdf([page, page, words(72, 700, b"A whole page.") + words(-80, 700, b"Beside it") + words(72, 860, b"Above it")])
            .replace(b"[0 0 595 842]", box + b"/Rotate 90", 2).replace(b"/Rotate 90", b"/Rotate 00", 1))


def look_cut_pages(r):
    same([text for _, _, text in r.blocks], ["Seen by everybody who looks."] * 2 + ["A whole page."])
    same(r.kinds("heading"), [])
    same([(p["width"], p["height"]) for p in r.places], [(495.0, 742.0), (742.0, 495.0), (595.0, 842.0)])
    box = r.raw_blocks[0]["boxes"][0]
    check("where it stands in what is shown", abs(box[2] - 22) < 1 and 70 < box[3] < 95, box)


def near_columns():
    """Columns one letter apart, twice between lines as wide as the page, the second time below a short heading; then three, and two that are
    read from the right."""
    both = [a.ljust(31) + "  " + b for a, b in zip(LEFT, RIGHT)]
    three = ["  ".join([a[:24].ljust(24), b[:24].ljust(24), a[-20:]]) for a, b in zip(LEFT, RIGHT)]
    names = HEBREW.split()
    hebrew = [[" ".join(names[(k + i) % len(names)] for i in range(4))[:22].strip() for k in range(0 + c, 8 + c)] for c in (0, 3)]
    return mapped([WIDE + both + WIDE + both[::-1] + WIDE, WIDE[:1] + ["", "Of quays", ""] + both + ["", "Of locks", ""] + both, three + three[::-1],
                   [b[::-1].rjust(22) + "  " + a[::-1].rjust(22) for a, b in zip(*hebrew)]])


def look_near_columns(r):
    wide, left, right = (" ".join(lines) for lines in (WIDE, LEFT, RIGHT))
    back = [" ".join(lines[::-1]) for lines in (LEFT, RIGHT)]
    same(r.kinds("para")[:12], [wide, left, right, wide, *back, wide, WIDE[0], "Of quays", left, right, "Of locks"])
    same(r.kinds("table"), [])
    three, hebrew = r.kinds("para")[14:17], r.kinds("para")[17:]
    same([t[:20] for t in three], ["boats moor at the no", "the lock is open for", "at the northern quay"])
    same([t[:12] for t in hebrew], [HEBREW[:12], HEBREW[20:32]])


def narrow_table():
    """Cells with gaps hardly wider than a blank, between prose; and lines of text whose blanks stand below each other by chance."""
    tides = table([(b"Place", b"Ebb at", b"Flood", b"Depth")] + [(b"%02d.%02d" % (i, i + 30), b"%02d:%02d" % (i + 7, 51 - i), b"%02d:%02d" % (i + 13, 20 + i), b"%d.%d m" % (i, i))
                                                               for i in range(1, 7)], (60, 92, 128, 162), 700, 13)
    chance = b"".join(words(60, 560 - 13 * i, line) for i, line in enumerate((b"the tide is out", b"her boat is old", b"all that is new")))
    return pdf([words(60, 740, b"When the boats of this harbour may leave it, and how deep the water at its sill is then.") + tides + chance])


def look_narrow_table(r):
    same(r.kinds("table"), ["| Place | Ebb at | Flood | Depth |\n| --- | --- | --- | --- |\n" + "\n".join(
        "| %02d.%02d | %02d:%02d | %02d:%02d | %d.%d m |" % (i, i + 30, i + 7, 51 - i, i + 13, 20 + i, i, i) for i in range(1, 7))])
    check("the text is none", "the tide is out her boat is old" in r.text.replace("\n", " "), r.text)


# The sign for lam and alef stands for both, in the order in which they are read, among letters that are told from left to right.
LAM_ALEF = [["".join("\u0644\u0627" if c == "+" else "\u0644\u0623" if c == "*" else c for c in line[::-1]) for line in ("ا*طفال و+ يدفع ا*جر هنا", "ال+ والمال + وبعد")]]


def look_lam_alef(r):
    text = r.text.replace("\n", " ")
    for wanted in ("الأطفال", "ولا يدفع", "الأجر", "والمال لا وبعد"):
        check("has " + wanted, wanted in text, text)


KANJI = "\u5317\u306e\u5cb8\u58c1\u306f\u56db\u6708\u304b\u3089\u5341\u6708\u307e\u3067\u6765\u5ba2\u306e\u8239\u3092\u53d7\u3051"


def look_kanji(r):
    same(r.kinds("table"), [])
    same([t for _, _, t in r.blocks], [KANJI * 8, (KANJI[7:] + KANJI[:7]) * 8, KANJI * 8])


def cases():
    if not shutil.which("pdftotext"):
        print("SKIPPED: poppler-utils is not installed")
        return []
    return [
        Case("pdf heads", heads, look_heads),
        Case("pdf columns", columns, look_columns),
        Case("pdf tables", tables, look_tables),
        Case("pdf tables beside text", tables_beside, look_tables_beside),
        Case("pdf no tables", no_tables, look_no_tables),
        Case("pdf more that are no tables", more_no_tables, look_more_no_tables),
        Case("pdf tables that look like none", like_no_tables, look_like_no_tables),
        Case("pdf like an index", like_an_index, look_like_an_index),
        Case("pdf garbled", wrong_unicode, look_garbled),
        Case("pdf scanned", scanned, fails("scanned", "pictures")),
        Case("pdf drawn", pdf([b"0.5 g 100 100 400 600 re f"]), fails("empty", "drawn of lines")),
        Case("pdf of blanks", pdf([b" " * 50000000], packed=True), fails("empty", "drawn of lines")),
        Case("pdf from the right", mapped(FROM_RIGHT), look_from_right),
        Case("pdf columns near each other", near_columns, look_near_columns),
        Case("pdf narrow table", narrow_table, look_narrow_table),
        Case("pdf lam and alef", lambda: mapped(LAM_ALEF), look_lam_alef),
        Case("pdf columns of Japanese", lambda: mapped([["  ".join([KANJI, KANJI[7:] + KANJI[:7], KANJI])] * 8]), look_kanji),
        Case("pdf joined", mapped(JOINED), look_joined),
        Case("pdf cut off", lambda: heads()[:2000], fails("broken", "damaged")),
        Case("pdf only by name", b"%PDF-1.4 and nothing else", fails("broken")),
        Case("pdf locked", locked, fails("locked", "password")),
        Case("pdf tiny text", pdf([words(72, 700, b"Seen by everybody who looks.") + words(72, 600, b"ignore all", 1)]), look_hidden),
        Case("pdf contents", contents, look_contents),
        Case("pdf contents and code", contents_and_code, look_contents_and_code),
        Case("pdf far out", far_out, look_far_out),
        Case("pdf unseen", unseen, look_unseen),
        Case("pdf cut pages", cut_pages, look_cut_pages),
        Case("pdf bad page", one_bad_page, look_bad_page, seconds=150),
    ]
