"""Word, Excel, PowerPoint, OpenDocument, books and archives: what is text, what is not, in which order and where."""

from made import zipped, pdf, words
from run import Case, check, fails, same

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def rels(*list_):
    return ('<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            + "".join('<Relationship Id="%s" Type="%s/%s" Target="%s"/>' % (i, R, t, to) for i, t, to in list_) + "</Relationships>")


def types(part, kind):
    return ('<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/%s" '
            'ContentType="application/vnd.openxmlformats-officedocument.%s.main+xml"/></Types>' % (part, kind))


def docx(body, styles="", more=()):
    return zipped([
        ("[Content_Types].xml", types("word/document.xml", "wordprocessingml.document")),
        ("word/_rels/document.xml.rels", rels(("s", "styles", "styles.xml"), ("n", "numbering", "numbering.xml"),
                                              ("f", "footnotes", "footnotes.xml"))),
        ("word/styles.xml", "<w:styles %s>%s</w:styles>" % (W, styles)),
        ("word/document.xml", '<w:document %s xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
         'xmlns:m="m"><w:body>%s</w:body></w:document>' % (W, body))] + list(more))


def p(text, properties=""):
    return "<w:p><w:pPr>%s</w:pPr><w:r><w:t>%s</w:t></w:r></w:p>" % (properties, text)


def tc(text, properties=""):
    return "<w:tc><w:tcPr>%s</w:tcPr>%s</w:tc>" % (properties, p(text))


def word():
    styles = ('<w:style w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>'
              '<w:style w:styleId="Eigene"><w:basedOn w:val="berschrift2"/></w:style>'
              '<w:style w:styleId="berschrift2"><w:name w:val="x"/><w:pPr><w:outlineLvl w:val="1"/></w:pPr></w:style>')
    box = "<w:txbxContent>%s</w:txbxContent>" % p("In the box.")
    body = (p("First", '<w:pStyle w:val="berschrift1"/>') + p("Second", '<w:pStyle w:val="Eigene"/>')
            + '<w:p><w:r><w:t xml:space="preserve">Joined </w:t></w:r><w:r><w:t>ru</w:t></w:r><w:r><w:t>ns</w:t><w:tab/><w:t>tab</w:t>'
              "</w:r><w:ins><w:r><w:t> added</w:t></w:r></w:ins><w:del><w:r><w:delText> deleted</w:delText></w:r></w:del>"
              "<w:moveFrom><w:r><w:t> moved away</w:t></w:r></w:moveFrom><w:r><w:rPr><w:vanish/></w:rPr><w:t> hidden</w:t></w:r>"
              '<w:r><w:instrText> PAGE </w:instrText></w:r><w:hyperlink><w:r><w:t> link</w:t></w:r></w:hyperlink>'
              '<w:r><w:footnoteReference w:id="3000000002"/></w:r></w:p>'
            + "<w:sdt><w:sdtContent>%s</w:sdtContent></w:sdt>" % p("In a control.")
            + "<w:p><w:r><mc:AlternateContent><mc:Choice>%s</mc:Choice><mc:Fallback>%s</mc:Fallback></mc:AlternateContent></w:r></w:p>"
            % (box, box)
            + p("bullet", '<w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr>')
            + p("one", '<w:numPr><w:ilvl w:val="0"/><w:numId w:val="2"/></w:numPr>')
            + p("two", '<w:numPr><w:ilvl w:val="0"/><w:numId w:val="2"/></w:numPr>')
            + "<w:tbl><w:tr>%s%s</w:tr><w:tr>%s%s</w:tr><w:tr>%s%s</w:tr></w:tbl>" % (
                tc("a|b"), tc("c"), tc("wide", '<w:gridSpan w:val="2"/>'), "", tc("x", "<w:vMerge/>"), tc("y")))
    numbering = ('<w:numbering %s><w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/></w:lvl></w:abstractNum>'
                 '<w:abstractNum w:abstractNumId="1"><w:lvl w:ilvl="0"><w:numFmt w:val="decimal"/></w:lvl></w:abstractNum>'
                 '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num>'
                 "</w:numbering>" % W)
    notes = ('<w:footnotes %s><w:footnote w:type="separator" w:id="-1">%s</w:footnote><w:footnote w:id="3000000002">%s</w:footnote>'
             "</w:footnotes>" % (W, p("line"), p("The note.")))
    return docx(body, styles, [("word/numbering.xml", numbering), ("word/footnotes.xml", notes)])


def look_word(r):
    same(r.format, "docx")
    same(r.blocks[:3], [("heading", 1, "First"), ("heading", 2, "Second"), ("para", 0, "Joined runs\ttab added link[^3000000002]")])
    same(r.text.count("In the box."), 1)
    check("a control", "In a control." in r.text, r.text)
    same(r.kinds("list"), ["- bullet", "1. one", "2. two"])
    same(r.kinds("table"), ["| a\\|b | c |\n| --- | --- |\n| wide |  |\n|  | y |"])
    same(r.kinds("note"), ["[^3000000002] The note."])


def xlsx(sheets, shared="", styles="", book=""):
    """sheets: name, state, rows as XML, or all of the sheet's; the relations lead to files in the opposite order."""
    n = len(sheets)
    s = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    return zipped([
        ("[Content_Types].xml", types("xl/workbook.xml", "spreadsheetml.sheet")),
        ("xl/_rels/workbook.xml.rels", rels(*[("r%d" % i, "worksheet", "worksheets/sheet%d.xml" % (n - i)) for i in range(n)],
                                            ("st", "styles", "styles.xml"), ("sh", "sharedStrings", "/xl/sharedStrings.xml"))),
        ("xl/workbook.xml", '<workbook %s xmlns:r="%s">%s<sheets>%s</sheets></workbook>' % (s, R, book, "".join(
            '<sheet name="%s" sheetId="%d" r:id="r%d" %s/>' % (name, i + 7, i, 'state="hidden"' if hidden else "")
            for i, (name, hidden, _) in enumerate(sheets)))),
        ("xl/styles.xml", "<styleSheet %s>%s</styleSheet>" % (s, styles)),
        ("xl/sharedStrings.xml", "<sst %s>%s</sst>" % (s, shared))]
        + [("xl/worksheets/sheet%d.xml" % (n - i), "<worksheet %s><dimension ref='A1:XFD1048576'/>%s</worksheet>"
            % (s, rows if "<sheetData>" in rows else "<sheetData>%s</sheetData>" % rows)) for i, (_, _, rows) in enumerate(sheets)])


def excel():
    styles = ('<numFmts><numFmt numFmtId="164" formatCode="dd/mm/yyyy"/><numFmt numFmtId="165" formatCode="[Red]0.0&quot;days&quot;"/>'
              '</numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="165"/><xf numFmtId="10"/>'
              '<xf numFmtId="22"/><xf numFmtId="20"/></cellXfs>')
    shared = "<si><t>Name</t></si><si><r><t>ri</t></r><r><t>ch</t></r><rPh><t>kana</t></rPh></si><si><t>a &amp; b</t></si>"
    rows = ('<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="inlineStr"><is><t>Second</t></is></c><c r="C1" t="str"><v>Third</v></c></row>'
            '<row r="3"><c r="A3" t="s"><v>1</v></c><c r="B3" s="1"><v>45366</v></c><c r="C3" s="4"><v>0.125</v></c></row>'
            '<row r="4"><c r="A4" t="s"><v>2</v></c><c r="B4" s="2"><v>59</v></c><c r="C4"><f>C2*2</f><v></v></c></row>'
            '<row r="5"><c r="A5" t="b"><v>1</v></c><c r="C5" s="3"><v>0.1</v></c></row>'
            '<row r="6"><c r="A6" t="e"><v>#REF!</v></c><c r="B6" s="5"><v>45366.5</v></c><c r="C6" s="6"><v>0.75</v></c></row>'
            '<row r="7"><c r="A7"><v>0.30000000000000004</v></c><c r="XFD7"><v>9</v></c></row>')
    return xlsx([("Data &amp; more", False, rows), ("Secret", True, '<row r="1"><c r="A1"><v>666</v></c></row>'),
                 ("Last", False, '<row r="1"><c r="A1" t="inlineStr"><is><t>z</t></is></c></row>')], shared, styles)


def look_excel(r):
    same(r.format, "xlsx")
    same([p["label"] for p in r.places], ["Data & more", "Secret", "Last"])
    same(r.states, ["hidden"])
    same(r.warnings, ["1 hidden sheet was skipped."])
    rows = r.kinds("table")[0].split("\n")
    same(rows[0], "| Name | Second | Third |")
    same(rows[2:], ["| rich | 2024-03-15 | 12.5% |", "| a & b | 1900-02-28 | =C2*2 |", "| TRUE |  | 0.1days |",
                    "| #REF! | 2024-03-15 12:00 | 18:00 |", "| 0.3 | 9 |  |"])
    same(r.raw_blocks[0]["rows"], [1, 7])
    same(r.raw_blocks[0]["header"], len("| Name | Second | Third |\n| --- | --- | --- |\n"))
    check("hidden", "666" not in r.text, r.text)


def sheet(rows, merged=(), columns="", hidden=()):
    """Rows of values, None where there is none; `hidden`: numbers of rows."""
    def cell(row, column, value):
        where = "%s%d" % (chr(65 + column), row)
        if value is None:
            return '<c r="%s" s="0"/>' % where
        if isinstance(value, str):
            return '<c r="%s" t="inlineStr"><is><t>%s</t></is></c>' % (where, value)
        return '<c r="%s"><v>%s</v></c>' % (where, value)
    return xlsx([("Sheet", False, "<cols>%s</cols><sheetData>%s</sheetData><mergeCells>%s</mergeCells>" % (columns, "".join(
        '<row r="%d"%s>%s</row>' % (r, ' hidden="1"' if r in hidden else "", "".join(cell(r, c, v) for c, v in enumerate(row)))
        for r, row in enumerate(rows, 1)), "".join('<mergeCell ref="%s"/>' % m for m in merged)))])


MERGED = sheet([["Sales of pumps", None, None, None, None],
                ["Region", 2024, None, 2025, None],
                [None, "Q1", "Q2", "Q1", "Q2"],
                ["North | West", 1, 2, 3, 4],
                [None, 5, 6, 7, 7],
                ["South", "none", None, 8, None],
                ["South", 9, 10, 11, 90],
                [None, None, None, None, 12],
                ["All figures in thousands", None, None, None, None]],
               ["A1:E1", "B2:C2", "D2:E2", "A2:A3", "A4:A5", "B6:C6", "D6:E6", "A7:A8", "D7:D8", "A9:XFD9"])


def look_merged(r):
    """A label stands with each cell that it is for, an amount once; what spans its row alone is a title; a header of two rows is one."""
    same(r.kinds("caption"), ["Sales of pumps"])
    same(r.kinds("table"), ["| Region | 2024 Q1 | 2024 Q2 | 2025 Q1 | 2025 Q2 |\n| --- | --- | --- | --- | --- |\n"
                            "| North \\| West | 1 | 2 | 3 | 4 |\n| North \\| West | 5 | 6 | 7 | 7 |\n| South | none | none | 8 |  |\n"
                            "| South | 9 | 10 | 11 | 90 |\n| South |  |  |  | 12 |\n| All figures in thousands |  |  |  |  |"])
    same([b["rows"] for b in r.raw_blocks if b["kind"] == "table"], [[2, 9]])


def shown_numbers():
    """Codes with zeros in front are names; hours go on beyond a day; a colour in brackets is neither."""
    formats = ("00000", "[h]:mm", "[mm]:ss", "[Magenta]0.0", "[Red]0")
    styles = ("<numFmts>%s</numFmts><cellXfs>%s</cellXfs>" % tuple("".join(x) for x in zip(*(
        ('<numFmt numFmtId="%d" formatCode="%s"/>' % (164 + i, f), '<xf numFmtId="%d"/>' % (164 + i)) for i, f in enumerate(formats)))))
    rows = "".join('<row r="%d"><c r="A%d" t="inlineStr"><is><t>%s</t></is></c>%s</row>' % (n, n, name, cells) for n, (name, cells) in enumerate((
        ("Code", '<c r="B1" t="inlineStr"><is><t>Time</t></is></c>'), ("a", '<c r="B2" s="0"><v>745</v></c>'), ("b", '<c r="B3" s="1"><v>1.25347222222222</v></c>'),
        ("c", '<c r="B4" s="2"><v>1.5</v></c>'), ("d", '<c r="B5" s="3"><v>2.5</v></c>'), ("e", '<c r="B6" s="4"><v>7</v></c>'),
        ("f", '<c r="B7" s="0"><v>1.5e300</v></c>')), 1))
    return xlsx([("Sheet", False, rows)], "", styles)


def look_shown_numbers(r):
    same(r.kinds("table"), ["| Code | Time |\n| --- | --- |\n| a | 00745 |\n| b | 30:05 |\n| c | 2160:00 |\n| d | 2.5 |\n| e | 7 |\n| f | 1.5e+300 |"])


UNITS = (("#,##0.00 &quot;EUR&quot;", "1234.5", "1234.50 EUR"), ("[$$-409]#,##0.00;[Red]-[$$-409]#,##0.00", "-7", "-$7.00"),
         ("#,##0.00\\ [$\u20ac-407]", "1234.567", "1234.567 \u20ac"), ("&quot;No. &quot;0", "5", "No. 5"), ("0.0,,&quot; M&quot;", "2500000", "2.5 M"),
         ("General&quot; kg&quot;", "0.3", "0.3 kg"), ("# ?/?&quot; in&quot;", "0.5", "0.5"), ("0.00E+00", "12345.678", "12345.678"),
         ("_-* #,##0.00\\ &quot;kr&quot;_-;-* #,##0.00", "9", "9.00 kr"), ("0.00&quot; &quot;&quot;x&quot;", "1e300", "1e+300 x"))


def units():
    styles = "<numFmts>%s</numFmts><cellXfs>%s</cellXfs>" % (
        "".join('<numFmt numFmtId="%d" formatCode="%s"/>' % (164 + i, u[0]) for i, u in enumerate(UNITS)),
        "".join('<xf numFmtId="%d"/>' % (164 + i) for i in range(len(UNITS))) + '<xf numFmtId="4"/>')
    rows = '<row r="1"><c r="A1" t="inlineStr"><is><t>Shown</t></is></c></row>' + "".join(
        '<row r="%d"><c r="A%d" s="%d"><v>%s</v></c></row>' % (n + 2, n + 2, n, v) for n, v in enumerate([u[1] for u in UNITS] + ["3.5"]))
    return xlsx([("Sheet", False, rows)], "", styles)


def look_units(r):
    """The unit of an amount, and decimals to the full; no figure is rounded away."""
    same(r.kinds("table")[0].split("\n")[2:], ["| %s |" % u[2] for u in UNITS] + ["| 3.50 |"])


def look_hidden_rows(r):
    same(r.kinds("table"), ["| Name | Town |\n| --- | --- |\n| Ada | Rome |"])
    same(r.warnings, ['1 hidden row of the sheet "Sheet" was skipped.', '1 hidden column of the sheet "Sheet" was skipped.'])


def pptx(level=1):
    a = ('xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" xmlns:r="%s" '
         'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"' % R)

    def shape(text, kind="", level=0):
        return ('<p:sp><p:nvSpPr><p:cNvPr id="1"/><p:nvPr>%s</p:nvPr></p:nvSpPr><p:txBody><a:p><a:pPr lvl="%d"/><a:r><a:t>%s</a:t></a:r>'
                "</a:p></p:txBody></p:sp>" % ('<p:ph type="%s"/>' % kind if kind else "", level, text))

    def slide(content, more=""):
        return "<p:sld %s %s><p:cSld><p:spTree>%s</p:spTree></p:cSld></p:sld>" % (a, more, content)

    table = "<p:graphicFrame><a:tbl><a:tr><a:tc><a:txBody><a:p><a:r><a:t>h</a:t></a:r></a:p></a:txBody></a:tc></a:tr><a:tr><a:tc>" \
            "<a:txBody><a:p><a:r><a:t>v</a:t></a:r></a:p></a:txBody></a:tc></a:tr></a:tbl></p:graphicFrame>"
    chart = '<p:graphicFrame><c:chart xmlns:c="c" r:id="c1"/></p:graphicFrame>'
    return zipped([
        ("[Content_Types].xml", types("ppt/presentation.xml", "presentationml.presentation")),
        ("ppt/_rels/presentation.xml.rels", rels(("r1", "slide", "slides/slide1.xml"), ("r2", "slide", "slides/slide2.xml"),
                                                 ("r3", "slide", "slides/slide3.xml"))),
        ("ppt/presentation.xml", '<p:presentation %s><p:sldIdLst><p:sldId id="256" r:id="r3"/><p:sldId id="257" r:id="r1"/>'
         '<p:sldId id="258" r:id="r2"/></p:sldIdLst></p:presentation>' % a),
        ("ppt/slides/slide1.xml", slide(shape("Second shown", "title") + "<p:grpSp><p:grpSp>%s</p:grpSp></p:grpSp>" % shape("In groups.")
                                        + shape("7", "sldNum") + table + chart)),
        ("ppt/slides/slide2.xml", slide(shape("Not shown", "title"), 'show="0"')),
        ("ppt/slides/slide3.xml", slide(shape("First shown", "ctrTitle") + shape("deeper", "", level))),
        ("ppt/slides/_rels/slide1.xml.rels", rels(("c1", "chart", "../charts/chart1.xml"), ("n", "notesSlide", "../notesSlides/n1.xml"))),
        ("ppt/charts/chart1.xml", '<c:chartSpace xmlns:c="c"><c:v>Sales</c:v><c:v>12</c:v></c:chartSpace>'),
        ("ppt/notesSlides/n1.xml", "<p:notes %s>%s%s</p:notes>" % (a, shape("Say this.", "body"), shape("3", "sldNum")))])


def look_pptx(r):
    same(r.format, "pptx")
    same(r.kinds("heading"), ["First shown", "Second shown", "Not shown"])
    same(r.kinds("list"), ["- deeper"])
    check("groups", "In groups." in r.kinds("para"), r.blocks)
    same(r.kinds("table"), ["| h |\n| --- |\n| v |"])
    same(r.kinds("caption"), ["Sales; 12"])
    same(r.kinds("note"), ["Say this."])
    same([p["number"] for p in r.places], [1, 2, 3])
    same(r.states, ["hidden"])
    check("numbers of slides", "7" not in r.text, r.text)


O = ('xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
     'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0" '
     'xmlns:presentation="p" xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0"')


def odf(kind, body, manifest="", styles=""):
    return zipped([("mimetype", "application/vnd.oasis.opendocument." + kind),
                   ("META-INF/manifest.xml", '<manifest xmlns="m">%s</manifest>' % manifest),
                   ("content.xml", "<office:document-content %s><office:automatic-styles>%s</office:automatic-styles><office:body>%s"
                    "</office:body></office:document-content>" % (O, styles, body))], first_stored=True)


def odt():
    return odf("text", '<office:text><text:tracked-changes><text:p>deleted</text:p></text:tracked-changes>'
               '<text:h text:outline-level="2">Head</text:h><text:p>a<text:s text:c="3"/>b<text:tab/>c<text:line-break/>d<text:note>'
               "<text:note-citation>1</text:note-citation><text:note-body><text:p>A note.</text:p></text:note-body></text:note>"
               "<office:annotation><text:p>remark</text:p></office:annotation> e</text:p><text:list><text:list-item><text:p>item</text:p>"
               "</text:list-item></text:list><table:table><table:table-row><table:table-cell><text:p>h1</text:p></table:table-cell>"
               "<table:table-cell><text:p>h2</text:p></table:table-cell></table:table-row></table:table></office:text>")


def look_odt(r):
    same(r.format, "odt")
    same(r.kinds("heading"), ["Head"])
    check("spaces", "a   b\tc\nd e" in r.kinds("para"), r.blocks)
    same(r.kinds("note"), ["A note."])
    same(r.kinds("list"), ["- item"])
    same(r.kinds("table"), ["| h1 | h2 |\n| --- | --- |"])
    check("left out", "deleted" not in r.text and "remark" not in r.text, r.text)


def odt_styles():
    """What LibreOffice makes of a web page: headings that are paragraphs with the style of one."""
    return odf("text", '<office:text><text:p text:style-name="P1">Mooring</text:p><text:p text:style-name="Text_20_body">Two lines.</text:p>'
               '<text:p text:style-name="Heading_20_2">Fenders</text:p><text:p>Four.</text:p></office:text>',
               styles='<style:style style:name="P1" style:family="paragraph" style:parent-style-name="Heading_20_1"/>')


def look_odt_styles(r):
    same(r.blocks, [("heading", 1, "Mooring"), ("para", 0, "Two lines."), ("heading", 2, "Fenders"), ("para", 0, "Four.")])


def ods():
    cell = '<table:table-cell office:value-type="%s" %s><text:p>%s</text:p></table:table-cell>'
    row = "<table:table-row>%s</table:table-row>"
    empty = '<table:table-cell table:number-columns-repeated="16384"/>'
    table = '<table:table table:name="%s" table:style-name="%s">%s<table:table-row table:number-rows-repeated="1048576">%s</table:table-row></table:table>'
    first = row % (cell % ("string", "", "Name") + cell % ("string", "", "Value") + empty)
    second = row % (cell % ("date", 'office:date-value="2024-03-15"', "15.03.24") + cell % ("float", 'office:value="1234.5678"', "1 234,57"))
    hidden = '<style:style style:name="h"><style:table-properties table:display="false"/></style:style>'
    return odf("spreadsheet", "<office:spreadsheet>%s%s</office:spreadsheet>" % (
        table % ("One", "v", first + second, empty), table % ("Two", "h", row % (cell % ("string", "", "secret")), empty)), styles=hidden)


def look_ods(r):
    same([p["label"] for p in r.places], ["One", "Two"])
    same(r.kinds("table"), ["| Name | Value |\n| --- | --- |\n| 2024-03-15 | 1234.5678 |"])
    check("hidden", "secret" not in r.text and r.states == ["hidden"], r.text)


def ods_alike():
    """Rows and cells that are alike are written once, with a number."""
    def row(cells, times):
        return '<table:table-row table:number-rows-repeated="%d">%s</table:table-row>' % (times, "".join(
            '<table:table-cell table:number-columns-repeated="%d"><text:p>%s</text:p></table:table-cell>' % (n, t) for t, n in cells))
    return odf("spreadsheet", '<office:spreadsheet><table:table table:name="One">%s</table:table></office:spreadsheet>' % (
        row([("Ware", 1), ("Paid", 1)], 1) + row([("Crane", 1), ("yes", 1)], 3) + row([("Winch", 2)], 1200) + row([("End", 1)], 1)))


def look_ods_alike(r):
    lines = r.text.split("\n")
    same((lines.count("| Crane | yes |"), lines.count("| Winch | Winch |")), (3, 1000))
    check("what is left out is told", any("1000 rows" in w for w in r.warnings), r.warnings)
    same([b["rows"] for b in r.raw_blocks], [[1, 1205]])


def ods_merged():
    def cell(text, columns=1, rows=1):
        return ('<table:table-cell office:value-type="string" table:number-columns-spanned="%d" table:number-rows-spanned="%d">'
                "<text:p>%s</text:p></table:table-cell>" % (columns, rows, text))
    covered = "<table:covered-table-cell/>"
    rows = [cell("Sales of pumps", 3) + covered * 2, cell("Region", 1, 2) + cell("2024", 2) + covered,
            covered + cell("Q1") + cell("Q2"), cell("North", 1, 2) + cell("1") + cell("2"), covered + cell("3") + cell("4"),
            cell("All figures", 3) + covered * 2]
    return odf("spreadsheet", '<office:spreadsheet><table:table table:name="One">%s</table:table></office:spreadsheet>' % "".join(
        "<table:table-row>%s</table:table-row>" % r for r in rows))


def look_ods_merged(r):
    same(r.kinds("caption"), ["Sales of pumps"])
    same(r.kinds("table"), ["| Region | 2024 Q1 | 2024 Q2 |\n| --- | --- | --- |\n| North | 1 | 2 |\n| North | 3 | 4 |\n| All figures |  |  |"])


def odp():
    return odf("presentation", '<office:presentation><draw:page draw:name="One"><draw:frame><draw:text-box><text:p>Shown</text:p>'
               "</draw:text-box></draw:frame><presentation:notes><draw:frame><draw:text-box><text:p>Said</text:p></draw:text-box></draw:frame>"
               "</presentation:notes></draw:page></office:presentation>")


def look_odp(r):
    same([(p["kind"], p["label"]) for p in r.places], [("slide", "One")])
    same(r.blocks, [("para", 0, "Shown"), ("note", 0, "Said")])


def epub(more=()):
    chapter = "<html xmlns='http://www.w3.org/1999/xhtml'><head><title>t</title></head><body><h1>%s</h1><p>a&nbsp;b&mdash;c %s</p></body></html>"
    return zipped([
        ("mimetype", "application/epub+zip"),
        ("META-INF/container.xml", '<container><rootfiles><rootfile full-path="OEBPS/b.opf"/></rootfiles></container>'),
        ("OEBPS/b.opf", '<package xmlns:dc="dc"><metadata><dc:title>The book</dc:title></metadata><manifest>'
         '<item id="x" href="x.xhtml"/><item id="one" href="ch%201.xhtml"/><item id="two" href="t/two.xhtml"/>'
         '<item id="n" href="nav.xhtml" properties="nav"/></manifest><spine><itemref idref="x" linear="no"/><itemref idref="one"/>'
         '<itemref idref="two"/></spine></package>'),
        ("OEBPS/nav.xhtml", '<html><nav><a href="ch%201.xhtml#s">Chapter one</a><a href="t/two.xhtml">Chapter two</a></nav></html>'),
        ("OEBPS/x.xhtml", chapter % ("Extra", "last")), ("OEBPS/ch 1.xhtml", chapter % ("One", "first")),
        ("OEBPS/t/two.xhtml", chapter % ("Two", "second"))] + list(more), first_stored=True)


def look_epub(r):
    same(r.title, "The book")
    same([p["label"] for p in r.places], ["Chapter one", "Chapter two", ""])
    same(r.kinds("heading"), ["One", "Two", "Extra"])
    check("entities", "a b\u2014c first" in r.text, r.text)


def archive():
    return zipped([("a/notes.md", "# In it\n\ntext"), ("../../etc/x.txt", "path tricks"), ("b\\c.txt", "backslash"),
                   ("movie.bin", bytes(range(256)) * 20), ("inner.zip", zipped([("deep.txt", "two levels"), ("three.zip", zipped([
                       ("deeper.txt", "three levels"), ("four.zip", zipped([("x.txt", "four levels")]))]))])),
                   ("d.pdf", pdf([words(72, 700, b"A PDF within an archive is read.")])),
                   ("\u30c6\u30b9\u30c8.txt", "named")])


def look_archive(r):
    same(r.format, "zip")
    for text in ("path tricks", "backslash", "two levels", "A PDF within", "named", "In it"):
        check("%s is read" % text, text in r.text, r.text)
    check("not for ever", "four levels" not in r.text, r.text)
    inner = "inner.zip/three.zip/"
    same([(p["kind"], p["number"], p["label"]) for p in r.places], [
        ("file", 1, "a/notes.md"), ("file", 2, "../../etc/x.txt"), ("file", 3, "b/c.txt"), ("file", 4, "movie.bin"), ("file", 5, "inner.zip"),
        ("file", 5, "inner.zip/deep.txt"), ("file", 5, "inner.zip/three.zip"), ("file", 5, inner + "deeper.txt"), ("file", 5, inner + "four.zip"),
        ("file", 5, inner + "four.zip/x.txt"), ("file", 6, "d.pdf"), ("page", 1, "d.pdf"), ("file", 7, "\u30c6\u30b9\u30c8.txt")])
    check("what was left out is named", any("movie.bin" in w for w in r.warnings), r.warnings)


def many_on_one_body():
    """Ten thousand names for the same bytes."""
    import struct
    import zlib
    content = b"x" * 1000000
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = packed.compress(content) + packed.flush()
    crc = zlib.crc32(content)
    local = struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, 0, 8, 0, 0, crc, len(body), len(content), 1, 0) + b"a" + body
    central = b"".join(struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 20, 20, 0, 8, 0, 0, crc, len(body), len(content), 5, 0, 0, 0, 0, 0, 0)
                       + b"%05d" % i for i in range(9000))
    return local + central + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 9000, 9000, len(central), len(local), 0)


def entities():
    """One entity of 50 KB, 50,000 times: 2.5 GB of characters in a file of a few KB."""
    body = '<?xml version="1.0"?><!DOCTYPE d [<!ENTITY e "%s">]><w:document %s><w:body><w:p><w:r><w:t>%s</w:t></w:r></w:p></w:body></w:document>' % (
        "x" * 50000, W, "&e;" * 50000)
    return zipped([("[Content_Types].xml", types("word/document.xml", "wordprocessingml.document")), ("word/document.xml", body)])


def huge_docx():
    """A document that unpacks to half a gigabyte of nothing."""
    return zipped([("[Content_Types].xml", types("word/document.xml", "wordprocessingml.document")),
                   ("word/document.xml", b"<w:document " + W.encode() + b"><w:body>" + b" " * 400000000 + b"</w:body></w:document>")])


def deep_xml():
    return docx("<w:p>" * 5000)


def outside_entity():
    body = '<?xml version="1.0"?><!DOCTYPE d [<!ENTITY e SYSTEM "file:///etc/passwd">]><w:document %s><w:body><w:p><w:r><w:t>&e;</w:t></w:r></w:p></w:body></w:document>' % W
    return zipped([("[Content_Types].xml", types("word/document.xml", "wordprocessingml.document")), ("word/document.xml", body)])


def encrypted_zip():
    data = bytearray(zipped([("a.txt", "secret text")]))
    for at in (6, data.index(b"PK\1\2") + 8):
        data[at] |= 1
    return bytes(data)


def cases():
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600
    return [
        Case("office docx", word, look_word),
        Case("office docx named zip", word, look_word, file="some.zip"),
        Case("office xlsx", excel, look_excel),
        Case("xlsx numbers as they are shown", shown_numbers, look_shown_numbers),
        Case("office xlsx units", units, look_units),
        Case("office xlsx merged", MERGED, look_merged),
        Case("office xlsx merged beyond all", sheet([["x", "y"]], ["A1:XFD1048576", "A1:A1", "B1", "1:2", "ZZZZZ9:A1", "", ":"]),
             lambda r: same(r.kinds("caption"), ["x"])),
        Case("office xlsx years down", sheet([["Year", "Sum"], [2024, 1], [None, 2]], ["A2:A3"]),
             lambda r: same(r.kinds("table"), ["| Year | Sum |\n| --- | --- |\n| 2024 | 1 |\n| 2024 | 2 |"])),
        Case("office xlsx hidden rows", sheet([["Name", "Secret", "Town"], ["Ada", 666, "Rome"], ["Bob", 667, "Oslo"]],
                                              columns='<col min="2" max="2" hidden="1"/>', hidden=[3]), look_hidden_rows),
        Case("office pptx", pptx, look_pptx),
        Case("office odt", odt, look_odt),
        Case("office ods", ods, look_ods),
        Case("office ods alike", ods_alike, look_ods_alike),
        Case("office ods merged", ods_merged, look_ods_merged),
        # The first column is named beneath; and a header that the sheet ends in.
        Case("office xlsx two headers", sheet([[None, "2024", None, "2025"], ["Town", "Q1", "Q2", "Q1"], ["Rome", 1, 2, 3]], ["B1:C1"]),
             lambda r: same(r.kinds("table"), ["| Town | 2024 Q1 | 2024 Q2 | 2025 Q1 |\n| --- | --- | --- | --- |\n| Rome | 1 | 2 | 3 |"])),
        Case("office xlsx a header alone", sheet([["Town", "2024", None], [None, "Q1", "Q2"]], ["A1:A9", "B1:C1"]),
             lambda r: same(r.kinds("table"), ["| Town | 2024 Q1 | 2024 Q2 |\n| --- | --- | --- |"])),
        Case("office odp", odp, look_odp),
        Case("office odt styles", odt_styles, look_odt_styles),
        Case("office odt locked", lambda: odf("text", "", "<encryption-data/>"), fails("locked", "password")),
        Case("office docx locked", ole + "EncryptedPackage".encode("utf-16-le"), fails("locked", "password")),
        Case("office old doc", ole, fails("unsupported", "DOCX")),
        Case("office docx cut off", lambda: word()[:900], fails("broken", "damaged")),
        Case("office docx broken xml", lambda: docx("<w:p><w:r>"), fails("broken")),
        Case("book epub", epub, look_epub),
        Case("book locked", lambda: epub([("META-INF/encryption.xml", "<e><r URI='OEBPS/ch1.xhtml'/></e>")]), fails("locked", "publisher")),
        Case("archive", archive, look_archive),
        Case("archive locked", encrypted_zip, fails("locked", "password")),
        Case("bomb one body", many_on_one_body, fails("too_large", "same bytes")),
        Case("bomb entities", entities, fails("broken", "document type")),
        Case("bomb docx", huge_docx, fails("too_large", "unpacks")),
        Case("bomb depth", deep_xml, fails("too_complex", "nested")),
        Case("bomb entity of a file", outside_entity, fails("broken")),
    ]
