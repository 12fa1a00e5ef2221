"""Sets of questions whose right passages are known, from Debian's packages: made by apt-get download, in a folder that is kept.

faq      the Debian FAQ in ten languages: each heading is a question, the section under it (without the heading) a file. A section
         has the same name in all languages, so questions of one language can be asked of another.
books    the same books as text, PDF, HTML and EPUB, for whether the same passage is found whatever it came as: each heading is a question.
"""

import gzip
import html
import io
import os
import re
import shutil
import subprocess
import tempfile
import zipfile

LANGUAGES = ("en", "de", "es", "fr", "it", "ja", "ko", "nl", "pt", "ru", "zh-cn")


def unpack(packages):
    where = tempfile.mkdtemp()
    subprocess.run(["apt-get", "download", "-qq", *packages], cwd=where, check=True, stderr=subprocess.DEVNULL)
    for name in os.listdir(where):
        subprocess.run(["dpkg", "-x", name, "."], cwd=where, check=True)
    return where


def plain(markup):
    text = re.sub(r"<(p|li|pre|dt|dd|tr|h\d|div)[ >]", "\n\\g<0>", markup)
    text = html.unescape(re.sub(r"<[^>]+>", "", text))
    return re.sub(r"\n\s*\n+", "\n", re.sub(r"[ \t]+", " ", text)).strip()


class Set:
    """files: name -> text. questions: (text, language, names of the right files)."""

    def __init__(self, files, questions):
        self.files, self.questions = files, questions


def sections(where):
    """(language, name of the section, its title, what it says), in order."""
    root = os.path.join(where, "usr/share/doc/debian/FAQ")
    for path in sorted(os.path.join(d, n) for d, _, names in os.walk(root) for n in names):
        m = re.fullmatch(r"([a-z-]+)\.([a-z]{2}(?:-[a-z]+)?)\.html", os.path.basename(path), re.I)
        if not m or m[1] in ("index", "faqinfo") or m[2].lower() not in LANGUAGES:
            continue
        with open(path, encoding="utf-8") as f:
            page = f.read()
        for part in re.split(r'(?=<h2 class="title">)', page)[1:]:
            head = re.match(r'<h2 class="title"><a id="([^"]+)"></a>(.*?)</h2>', part, re.S)
            body = plain(re.sub(r"(?s)<div class=\"navfooter\">.*", "", part[head.end():]))
            if len(body) > 80:
                yield m[2].lower(), head[1], re.sub(r"^[\d.]+\s*", "", plain(head[2])), body


def faq():
    """All languages in one, English alone, and questions of other languages asked of English."""
    where = unpack(["debian-faq"] + ["debian-faq-" + x for x in LANGUAGES if x not in ("en", "es", "pt")])
    rows = list(sections(where))
    shutil.rmtree(where)
    files = {"%s.%s.txt" % (name, lang): body for lang, name, _, body in rows}
    named = {}
    for lang, name, _, _ in rows:
        named.setdefault(name, set()).add("%s.%s.txt" % (name, lang))
    every = [(title, lang, named[name]) for lang, name, title, _ in rows]
    english = {k: v for k, v in files.items() if k.endswith(".en.txt")}
    of_english = [(t, lang, right & set(english)) for t, lang, right in every if right & set(english)]
    return {"faq, ten languages": Set(files, every),
            "faq, English": Set(english, [q for q in of_english if q[1] == "en"]),
            "faq, English, asked in others": Set(english, [q for q in of_english if q[1] != "en"])}


def folder(path):
    """A set that somebody has made: passages.jsonl, questions.jsonl, judged.tsv."""
    import json

    def rows(name):
        with open(os.path.join(path, name)) as f:
            return [json.loads(x) for x in f]
    right = {}
    with open(os.path.join(path, "judged.tsv")) as f:
        for q, p, grade in (x.split("\t") for x in f):
            if int(grade) > 0:
                right.setdefault(q, set()).add(p.replace("/", ".") + ".txt")
    files = {p["id"].replace("/", ".") + ".txt": p["text"] for p in rows("passages.jsonl")}
    questions = [(q["text"], q["lang"], right[q["id"]]) for q in rows("questions.jsonl") if q["id"] in right]
    return {os.path.basename(path.rstrip("/")): Set(files, questions)}


class Book:
    """files: the same book, by kind. sections: (title, what it says), the title being a question that the section answers."""

    def __init__(self, files, pages):
        self.files, self.sections, self.known = files, [], {}
        for part in re.split(r"(?=<h[1-6]>)", pages):
            head = re.match(r"<h[1-6]>(.*?)</h[1-6]>", part, re.S)
            body = plain(re.sub(r'(?s)<div class="(related|sphinxsidebar|footer)".*', "", part[head.end():])) if head else ""
            if len(body) > 200:
                title = plain(re.sub(r'<span class="section-number">.*?</span>|<a class="headerlink".*?</a>', "", head[1]))
                for gram in grams(body):
                    self.known.setdefault(gram, set()).add(len(self.sections))
                self.sections.append((title, body))

    def section(self, passage):
        """The number of the section that has most of what the passage says; None: of none as much as a third."""
        found, every = {}, grams(passage)
        for gram in every:
            for n in self.known.get(gram, ()):
                found[n] = found.get(n, 0) + 1
        best = max(found, key=found.get, default=None)
        return best if best is not None and found[best] * 3 >= len(every) else None


def grams(text):
    """Each four words behind each other, as letters and digits alone."""
    words = [w for w in (re.sub(r"\W", "", x).lower() for x in text.split()) if w]
    return {" ".join(words[i:i + 4]) for i in range(max(1, len(words) - 3))}


def books():
    """name -> Book. Pages of HTML that are files of their own come in one archive."""
    where = unpack(["debian-policy", "developers-reference"])
    found, pages = {"policy": {}, "developers-reference": {}}, {"policy": "", "developers-reference": ""}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(os.path.join(root, n) for root, _, names in os.walk(where) for n in names):
            m = re.fullmatch(r"(policy|developers-reference)\.(txt|pdf|epub|html)(\.gz)?", os.path.basename(path))
            chapter = re.search(r"/policy\.html/(?:ch|ap)-[\w-]+\.html$", path)
            if os.path.islink(path) or not (m or chapter):
                continue
            with (gzip.open if path.endswith(".gz") else open)(path, "rb") as f:
                data = f.read()
            if chapter:
                archive.writestr(os.path.basename(path), data)
                pages["policy"] += data.decode()
            else:
                found[m[1]][m[2]] = data
                pages[m[1]] += data.decode() if m[2] == "html" else ""
    found["policy"]["html in an archive"] = packed.getvalue()
    shutil.rmtree(where)
    return {name: Book(files, pages[name]) for name, files in found.items()}
