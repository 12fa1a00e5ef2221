#!/usr/bin/env python3
"""Uploads in parts, and pictures made of them, by raw requests: tests/scenario/uploads.py --binary build/asan/src/atelier"""

import argparse
import base64
import hashlib
import json
import os
import select
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time
import traceback
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from client import Client, Connection  # noqa: E402
from run import Template  # noqa: E402
from server import PATIENCE, Failed, Server  # noqa: E402

TUS = {"Tus-Resumable": "1.0.0"}
PART = {"Content-Type": "application/offset+octet-stream"}
MB = 1 << 20


def check(is_so, what):
    if not is_so:
        raise Failed(what)


class Case:
    def __init__(self, server, template):
        self.server, self.template = server, template

    def who(self, name="bob"):
        return Client(self.server.port, bearer=self.template.vars[name + "_bearer"])

    def ask(self, method, path, headers=None, body=None, who="bob", want=None):
        h = dict(TUS, **(headers or {}))
        r = self.who(who).request(method, path, body, {k: v for k, v in h.items() if v is not None})
        check(want is None or r.status == want, "%s %s %r: %d, not %s: %r" % (method, path, h, r.status, want, r.body))
        check(r.header("Tus-Resumable") == "1.0.0", "Tus-Resumable is missing from %d of %s" % (r.status, method))
        return r

    def begin(self, size, **more):
        r = self.ask("POST", "/api/v1/uploads", {"Upload-Length": str(size), **more}, want=201)
        check(r.header("Upload-Expires").endswith("GMT"), "no Upload-Expires")
        return r.header("Location")

    def part(self, at, offset, data, want=204, who="bob", **more):
        return self.ask("PATCH", at, {**PART, "Upload-Offset": str(offset), **more}, data, who, want)

    def offset(self, at, who="bob", want=200):
        r = self.ask("HEAD", at, who=who, want=want)
        return int(r.header("Upload-Offset")) if want == 200 else None

    def file(self, at):
        return os.path.join(self.server.data, "uploads", at.split("/")[-1] + ".part")

    def bytes(self, at):
        with open(self.file(at), "rb") as f:
            return f.read()

    def half(self, at, offset, data, length, who="bob", **more):
        """A part of which only the first bytes are sent; returns when they are in the file."""
        c = Connection(self.server.port)
        c.send("PATCH", at, self.who(who).headers({**TUS, **PART, "Upload-Offset": str(offset),
                                                   "Content-Length": str(length), **more}), data)
        self.arrived(at, offset + len(data))
        return c

    def further(self, conn, at, offset, data):
        """More of such a part, and that it is in the file."""
        conn.sock.sendall(data)
        self.arrived(at, offset + len(data))

    def arrived(self, at, size):
        end = time.monotonic() + PATIENCE
        while os.path.getsize(self.file(at)) < size:
            check(time.monotonic() < end, "the bytes that were sent are not in the file")
            time.sleep(0.01)

    def unlocked(self, at, offset):
        """Once the server has seen that a connection is gone; how that part ended."""
        end = time.monotonic() + PATIENCE
        while True:
            r = self.part(at, offset, b"", want=None)
            if r.status != 423:
                return r
            check(time.monotonic() < end, "the upload stays locked")
            time.sleep(0.01)


def options(c):
    r = Client(c.server.port).request("OPTIONS", "/api/v1/uploads")
    check(r.status == 204, "OPTIONS answered %d" % r.status)
    for name, want in (("Tus-Resumable", "1.0.0"), ("Tus-Version", "1.0.0"), ("Tus-Max-Size", str(16 * MB)),
                       ("Tus-Extension", "creation,expiration,termination,checksum"),
                       ("Tus-Checksum-Algorithm", "sha1,sha256,crc32")):
        check(r.header(name) == want, "%s is %r" % (name, r.header(name)))


def version(c):
    for v in (None, "0.2.2", "1.0.0, 1.0.0"):
        at = c.begin(1)
        for method, path in (("POST", "/api/v1/uploads"), ("HEAD", at), ("PATCH", at), ("DELETE", at)):
            r = c.ask(method, path, {"Tus-Resumable": v, "Upload-Length": "1"}, want=412)
            check(r.header("Tus-Version") == "1.0.0", "no Tus-Version")


def whole(c):
    data = os.urandom(3 * MB + 17)
    at = c.begin(len(data), **{"Upload-Metadata": "filename d29ybGQ=,is_confidential"})
    check(stat.S_IMODE(os.stat(c.file(at)).st_mode) == 0o600, "others may read the file")
    r = c.ask("HEAD", at, want=200)
    check(r.header("Upload-Length") == str(len(data)) and r.header("Upload-Offset") == "0", "HEAD is wrong")
    check(r.header("Cache-Control") == "no-store", "HEAD may be cached")
    check(r.header("Upload-Metadata") == "filename d29ybGQ=,is_confidential", "the metadata has changed")
    for i in range(0, len(data), MB):
        r = c.part(at, i, data[i:i + MB])
        check(r.header("Upload-Offset") == str(min(i + MB, len(data))), "Upload-Offset is wrong")
    check(c.bytes(at) == data, "the file has other bytes")
    c.part(at, len(data), b"")
    c.part(at, len(data), b"x", want=413)
    r = c.who().request("POST", at, b"", {**TUS, "X-HTTP-Method-Override": "DELETE"})
    check(r.status == 204, "X-HTTP-Method-Override answered %d" % r.status)
    check(not os.path.exists(c.file(at)), "the file is still there")
    c.offset(at, want=404)
    c.part(at, 0, b"x", want=404)
    c.ask("DELETE", at, want=404)
    check(c.offset(c.begin(0)) == 0, "an empty upload")


def refusals(c):
    at = c.begin(10)
    c.part(at, 0, b"12345")
    c.part(at, 0, b"12345", want=409)
    c.part(at, 6, b"1", want=409)
    c.part(at, 5, b"123456", want=413)
    for wrong in ("-1", "x", "", "99999999999999999999", "+5", "0x5"):
        c.part(at, wrong, b"1", want=400)
    c.ask("PATCH", at, PART, b"1", want=400)
    c.ask("PATCH", at, {"Content-Type": "application/octet-stream", "Upload-Offset": "5"}, b"1", want=415)
    c.ask("PATCH", at, {"Content-Type": "-", "Upload-Offset": "5"}, b"1", want=415)
    c.offset(at, who="admin", want=404)
    c.part(at, 5, b"1", want=404, who="admin")
    c.ask("DELETE", at, who="admin", want=404)
    for path in ("/api/v1/uploads/0000000000001", "/api/v1/uploads/..", "/api/v1/uploads/x"):
        c.ask("PATCH", path, {**PART, "Upload-Offset": "0"}, b"1", want=404)
    check(Client(c.server.port).request("POST", "/api/v1/uploads", b"", dict(TUS, **{"Upload-Length": "1"})).status == 401,
          "a stranger may upload")
    check(c.bytes(at) == b"12345", "a refused part was written")
    c.part(at, 5, b"67890")
    for wrong in (None, "-1", "x", "1.5"):
        c.ask("POST", "/api/v1/uploads", {"Upload-Length": wrong}, want=400)
    # What is no base64, or no pair, would be given back to whoever asks, and name a document.
    for wrong in ("filename notes.md", "filename d29ybGQ", "filename d29ybGR=", "filename d29y bGQ=", ",", "a,", "filename  d29ybGQ=",
                  "n\u00e4me d29ybGQ="):
        c.ask("POST", "/api/v1/uploads", {"Upload-Length": "1", "Upload-Metadata": wrong}, want=400)
    # A control sign is refused in any header, before it is asked what that is for.
    r = c.who().request("POST", "/api/v1/uploads", None, {**TUS, "Upload-Length": "1", "Upload-Metadata": "f\x7f d29ybGQ="})
    check(r.status == 400, "a control sign in a header: %d" % r.status)
    # Blanks around a header are none of its value (RFC 9110, 5.5): the last one is a key alone.
    for right in ("", "filename", "filename ", "a d29ybGQ=,b", "a d29ybGQ=, b d29ybGQ=", " d29ybGQ="):
        c.begin(1, **{"Upload-Metadata": right})
    # Refused before any of its parts has come.
    c.ask("POST", "/api/v1/uploads", {"Upload-Length": "1", "Upload-Concat": "partial"}, want=400)
    c.ask("POST", "/api/v1/uploads", {"Upload-Length": str(16 * MB + 1)}, want=413)
    big = c.begin(9 * MB)
    c.part(big, 0, bytes(8 * MB + 1), want=413)
    c.part(big, 0, bytes(8 * MB))
    c.ask("DELETE", big, want=204)


def site(c):
    """Another site's page sends the cookie along."""
    cookie = Client(c.server.port, cookie=c.template.vars["bob_cookie"])
    headers = dict(TUS, **{"Upload-Length": "1", "Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"})
    check(cookie.request("POST", "/api/v1/uploads", b"", headers).status == 403, "another site may upload")


def chunked(c):
    at = c.begin(10)
    conn = Connection(c.server.port)
    conn.send("PATCH", at, c.who().headers({**TUS, **PART, "Upload-Offset": "0", "Transfer-Encoding": "chunked"}))
    conn.sock.sendall(b"4\r\nabcd\r\n6\r\nefghij\r\n0\r\n\r\n")
    check(conn.head().status == 204, "chunks are refused")
    at = c.begin(6)
    conn = Connection(c.server.port)
    conn.send("PATCH", at, c.who().headers({**TUS, **PART, "Upload-Offset": "0", "Transfer-Encoding": "chunked"}))
    conn.sock.sendall(b"4\r\nabcd\r\n6\r\nefghij\r\n0\r\n\r\n")
    check(conn.head().status == 413, "too many bytes in chunks are taken")
    check(c.offset(at) == 0, "a refused part was kept")


def checksums(c):
    data = os.urandom(700000)
    crc = (zlib.crc32(data) & 0xffffffff).to_bytes(4, "big")
    at = c.begin(3 * len(data))
    sums = (("sha1", hashlib.sha1(data).digest()), ("sha256", hashlib.sha256(data).digest()), ("crc32", crc))
    for i, (name, digest) in enumerate(sums):
        wrong = base64.b64encode(bytes([digest[0] ^ 1]) + digest[1:]).decode()
        c.part(at, i * len(data), data, want=460, **{"Upload-Checksum": name + " " + wrong})
        check(c.offset(at) == i * len(data), "a part with a wrong checksum stays")
        c.part(at, i * len(data), data, **{"Upload-Checksum": name + " " + base64.b64encode(digest).decode()})
    check(c.bytes(at) == 3 * data, "the file has other bytes")
    at = c.begin(4)
    for wrong in ("md5 AAAA", "sha1", "sha1 AAAA", "sha1 !", "crc32 AAAAAA== x"):
        c.part(at, 0, b"1234", want=400, **{"Upload-Checksum": wrong})
    conn = c.half(at, 0, b"12", 4, **{"Upload-Checksum": "crc32 AAAAAA=="})
    conn.close(reset=True)
    c.unlocked(at, 0)
    check(c.offset(at) == 0, "bytes that no checksum was held against are kept")


def cut(c):
    data = os.urandom(2 * MB)
    at = c.begin(len(data))
    conn = c.half(at, 0, data[:MB], len(data))
    c.part(at, MB, data[MB:], want=423)
    c.further(conn, at, MB, data[MB:MB + 1])
    c.ask("DELETE", at, want=423)
    conn.close(reset=True)
    c.unlocked(at, MB + 1)
    check(c.offset(at) == MB + 1, "what came before the cut is not there")
    c.part(at, MB + 1, data[MB + 1:])
    check(c.bytes(at) == data, "the file has other bytes")


def silent(c):
    """Who says nothing more, its network gone, gives way to who comes after it."""
    data = os.urandom(2 * MB)
    at = c.begin(len(data))
    conn = c.half(at, 0, data[:MB], len(data))
    check(c.unlocked(at, MB).status == 204, "another one cannot go on")
    c.part(at, MB, data[MB:])
    check(c.bytes(at) == data, "the file has other bytes")
    check(conn.head().status == 423, "the silent one is not told")
    at = c.begin(10)
    conn = c.half(at, 0, b"1", 10)
    end = time.monotonic() + PATIENCE
    while c.ask("DELETE", at).status == 423:
        check(time.monotonic() < end, "an upload whose sender is silent cannot be deleted")
        time.sleep(0.01)
    check(not os.path.exists(c.file(at)), "its file is left")


def kill9(c):
    data = os.urandom(2 * MB)
    at = c.begin(len(data))
    conn = c.half(at, 0, data[:MB + 5], len(data))
    c.server.kill()
    c.server.start()
    conn.close()
    check(c.offset(at) == MB + 5, "what came before the kill is not there")
    c.part(at, MB + 5, data[MB + 5:])
    check(c.bytes(at) == data, "the file has other bytes")


def stop(c):
    """The server is asked to end while a part comes."""
    at = c.begin(100)
    conn = c.half(at, 0, b"12345", 100)
    c.server.stop()
    c.server.start()
    conn.close()
    check(c.offset(at) == 5, "what came before the end is not there")


def crowd(c):
    ats = [c.begin(10) for _ in range(9)]
    conns = [c.half(at, 0, b"1", 10) for at in ats[:8]]
    c.part(ats[8], 0, b"1", want=429)
    for conn in conns:
        conn.sock.sendall(b"234567890")
        check(conn.head().status == 204, "a part among several is refused")
    c.part(ats[8], 0, b"1")


def overtaken(c):
    """A short request does not wait for the files that were sent before it."""
    made = c.who().request("POST", "/api/v1/collections", b'{"name": "Quay"}', {"Content-Type": "application/json"})
    path = "/api/v1/collections/%s/documents" % json.loads(made.body)["id"]
    conns = []
    for i in range(8):
        form = (b'--x\r\nContent-Disposition: form-data; name="file"; filename="%d.txt"\r\n\r\n' % i) + (b"%d " % i) * (MB // 2) + b"\r\n--x--"
        conns.append(Connection(c.server.port))
        conns[-1].send("POST", path, c.who().headers({"Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(len(form))}),
                       form[:-1])
    other = c.who("admin")
    other.request("POST", "/api/v1/conversations", b"{}", {"Content-Type": "application/json"})
    for conn in conns:
        conn.sock.sendall(b"-")
    select.select([conn.sock for conn in conns], [], [], PATIENCE)  # one of them is there: the others have been taken, too
    other.request("POST", "/api/v1/conversations", b"{}", {"Content-Type": "application/json"})
    answered = len(select.select([conn.sock for conn in conns], [], [], 0)[0])
    check(answered <= 4, "it was answered behind %d of 8 files" % answered)
    for conn in conns:
        check(conn.head().status == 202, "a file is refused: %r" % conn.response)


overtaken.env = {"ATELIER_WORKERS": "1"}


def quota(c):
    ats = [c.begin(9 * MB), c.begin(9 * MB)]
    r = c.ask("POST", "/api/v1/uploads", {"Upload-Length": str(9 * MB)}, want=413)
    check("upload_quota_mb" in r.json()["error"]["message"], "the sentence does not name the setting")
    for at in ats:
        c.ask("DELETE", at, want=204)
    c.begin(9 * MB)


def database(c, sql, *values):
    db = sqlite3.connect(os.path.join(c.server.data, "atelier.db"), timeout=PATIENCE)
    with db:
        rows = db.execute(sql, values).fetchall()
    db.close()
    return rows


def sweep(c):
    """Expired ones are gone after a start, and what has lost its row or its file."""
    old, lost, kept = c.begin(5), c.begin(5), c.begin(5)
    c.part(old, 0, b"12")
    database(c, "UPDATE uploads SET expires_at = 1 WHERE created_at = (SELECT min(created_at) FROM uploads WHERE size = 5)")
    database(c, "UPDATE uploads SET created_at = created_at - 120000")
    # The first maintenance after the start may come in between: then it is gone already.
    for r in (c.ask("HEAD", old), c.part(old, 2, b"3", want=None)):
        check(r.status in (404, 410), "an expired upload is there: %d" % r.status)
    os.remove(c.file(lost))
    c.offset(lost, want=404)
    stray = os.path.join(c.server.data, "uploads", "0000000000001.part")
    with open(stray, "wb") as f:
        f.write(b"x")
    c.server.stop()
    c.server.start()
    end = time.monotonic() + PATIENCE
    while os.path.exists(stray) or os.path.exists(c.file(old)):
        check(time.monotonic() < end, "what is of no use is not removed")
        time.sleep(0.02)
    check(c.offset(kept) == 0, "too much was removed")
    c.offset(old, want=404)


def links(c):
    """Nothing is written through a link."""
    at, target = c.begin(5), os.path.join(c.server.data, "target")
    open(target, "wb").close()
    os.remove(c.file(at))
    os.symlink(target, c.file(at))
    c.part(at, 0, b"12345", want=404)
    check(os.path.getsize(target) == 0, "a link was followed")
    os.remove(c.file(at))


def too_long(c):
    """A file that somebody has lengthened beyond what was announced takes nothing more, and is no reason to end."""
    at = c.begin(5)
    with open(c.file(at), "wb") as f:
        f.write(b"1234567")
    r = c.part(at, 7, b"8", want=409)
    check(r.json()["error"]["code"] == "conflict", r.body)
    c.ask("DELETE", at, want=204)


def deleted_user(c):
    at = c.begin(5)
    me = c.who().call("GET", "/api/v1/me")["id"]
    c.who("admin").call("DELETE", "/api/v1/users/" + me)
    check(not os.path.exists(c.file(at)), "the uploads of a deleted user are there")
    check(database(c, "SELECT count(*) FROM uploads") == [(0,)], "rows of a deleted user are there")


def signed_out(c):
    """A part that is under way ends with what it was begun by."""
    at = c.begin(5000)
    conn = c.half(at, 0, b"1", 5000)
    c.who().call("POST", "/api/v1/auth/logout")
    end = time.monotonic() + PATIENCE
    while not select.select([conn.sock], [], [], 0.1)[0]:
        check(time.monotonic() < end, "a part goes on without the session that it was begun by")
        conn.sock.sendall(b"2")
    check(conn.head().status == 401, "the end of a part is not told")


def corpus(name):
    with open(os.path.join(HERE, "..", "fuzz", "corpus", "image", name), "rb") as f:
        return f.read()


def picture(c, data, want=201, **more):
    at = c.begin(len(data))
    c.part(at, 0, data)
    body = json.dumps({"upload_id": at.split("/")[-1], **more}).encode()
    r = c.who().request("POST", "/api/v1/images", body, {"Content-Type": "application/json"})
    check(r.status == want, "the picture was answered %d, not %d: %r" % (r.status, want, r.body))
    return r.json(), at


def blob_files(c):
    found = []
    for folder, _, names in os.walk(os.path.join(c.server.data, "blobs")):
        found += [os.path.join(folder, name) for name in names]
    return found


def pictures(c):
    """What they say of place, time and person is nowhere on the disk; the same bytes are there once."""
    for name, kind, size in (("exif.jpg", "image/jpeg", (4, 6)), ("exif.png", "image/png", (4, 6)),
                             ("exif.webp", "image/webp", (4, 6)), ("moves.gif", "image/gif", (6, 4))):
        one, at = picture(c, corpus(name), name="holiday." + name)
        check(not os.path.exists(c.file(at)), "the upload is still there")
        check((one["media_type"], one["width"], one["height"], one["name"]) == (kind, *size, "holiday." + name), one)
        two, _ = picture(c, corpus(name))
        check(one["id"] != two["id"], "two pictures are one")
        got = c.who().request("GET", "/api/v1/images/" + one["id"])
        check(got.status == 200 and len(got.body) == one["bytes"], "the picture is not what it was")
        check(got.header("Content-Type") == kind and "sandbox" in got.header("Content-Security-Policy"), got.headers)
        same = c.who().request("GET", "/api/v1/images/" + one["id"], None, {"If-None-Match": got.header("ETag")})
        check(same.status == 304, "a picture that is known was answered %d" % same.status)
    files = blob_files(c)
    check(len(files) == 4, "%d files of 4 pictures" % len(files))
    for path in files:
        check(stat.S_IMODE(os.stat(path).st_mode) == 0o600, "others may read the file")
        with open(path, "rb") as f:
            check(b"SECRET" not in f.read(), "a file tells a secret")
        with open(path, "rb") as f:
            check(os.path.basename(path) == hashlib.sha256(f.read()).hexdigest(), "a file has another's name")


def pictures_refused(c):
    for name, words in (("photo.heic", "HEIC"), ("photo.avif", "AVIF"), ("no.bmp", "no PNG"), ("cut.png", "cut off")):
        r, _ = picture(c, corpus(name), want=400)
        check(words in r["error"]["message"], r)
    png = bytearray(corpus("palette.png"))
    png[16:24] = (200000).to_bytes(4, "big") + (6000).to_bytes(4, "big")
    r, _ = picture(c, bytes(png), want=413)
    check("200000 by 6000" in r["error"]["message"], r)
    at = c.begin(100)
    for body, status in (({"upload_id": at.split("/")[-1]}, 409), ({"upload_id": "0000000000001"}, 404), ({}, 400)):
        r = c.who().request("POST", "/api/v1/images", json.dumps(body).encode(), {"Content-Type": "application/json"})
        check(r.status == status, "%r was answered %d" % (body, r.status))
    check(blob_files(c) == [], "what was refused is on the disk")


def pictures_swept(c):
    """Nobody's files go with the hour; those of somebody who is gone at once."""
    one, _ = picture(c, corpus("plain.jpg"))
    stray = os.path.join(c.server.data, "blobs", "ab", "ab" * 32)
    os.makedirs(os.path.dirname(stray), exist_ok=True)
    young = stray[:-1] + "0"
    for path in (stray, young):
        with open(path, "wb") as f:
            f.write(b"nobody's")
    os.utime(stray, (1, 1))
    c.server.stop()
    c.server.start()
    end = time.monotonic() + PATIENCE
    while os.path.exists(stray):
        check(time.monotonic() < end, "a file without a row stays")
        time.sleep(0.01)
    check(os.path.exists(young), "a file that may just be written is gone")
    os.remove(young)
    check(c.who().request("GET", "/api/v1/images/" + one["id"]).status == 200, "a picture is gone")
    c.who("admin").call("DELETE", "/api/v1/users/" + c.who().call("GET", "/api/v1/me")["id"])
    check(blob_files(c) == [], "the pictures of a deleted user are there")
    check(database(c, "SELECT count(*) FROM blobs") == [(0,)], "rows of a deleted user are there")


def brought(c, key, *paths, to=subprocess.PIPE):
    """`atelier collection add`, of a folder as it is there."""
    env = dict(c.server.env(), ATELIER_SERVER="http://127.0.0.1:%d" % c.server.port, ATELIER_SERVER_KEY=key)
    return subprocess.Popen([c.server.binary, "collection", "add", "Shell", *paths], env=env, stdout=to,
                            stderr=subprocess.STDOUT if to == subprocess.PIPE else subprocess.PIPE)


def said(process, status, *words):
    out = b"".join(x or b"" for x in process.communicate(timeout=PATIENCE)).decode("utf-8", "replace")
    check(process.returncode == status and all(w in out for w in words), "%d, not %d: %s" % (process.returncode, status, out))


def shell(c):
    """Files of any name are known again, links that are named are followed, what is left out is told, and a large one comes whole
    though the server is killed while it comes."""
    key = c.who().call("POST", "/api/v1/keys", {"name": "Shell", "scopes": ["api"]})["key"]
    folder = tempfile.mkdtemp(prefix="atelier-shell-")
    try:
        names = [b'quo"te.txt', b"per%22cent.txt", b"back\\slash.txt", b"new\nline.txt", b"tab\there.txt", b"latin-\xe4.txt", b"a/b/deep.txt",
                 "日本語.txt".encode(), b"-dash.txt"]
        for i, name in enumerate(names):
            path = os.path.join(folder.encode(), name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as f:
                f.write(b"Text %d." % i)
        os.symlink(folder, os.path.join(folder, "a", "round"))
        os.symlink(folder, folder + "-link")
        said(brought(c, key, folder), 0, "%d added, 0 changed, 0 unchanged, 0 failed" % len(names))
        said(brought(c, key, folder + "-link"), 0, "0 added, 0 changed, %d unchanged, 0 failed" % len(names))
        said(brought(c, "unknown", folder), 1, "does not take the API key in ATELIER_SERVER_KEY")
        with open("/dev/full", "w") as full:
            said(brought(c, key, folder, to=full), 1, "Standard output cannot be written.")
        os.mkfifo(os.path.join(folder, "pipe"))
        said(brought(c, key, os.path.join(folder, "pipe")), 1, "pipe: It is no file.", "1 failed")
        # Two of one name would replace each other with each run.
        said(brought(c, key, os.path.join(folder, "a", "b"), os.path.join(folder, "a", "b")), 1, "1 added", "1 failed", "Another file of this name")
        c.server.settings["ATELIER_LISTEN"] = "127.0.0.1:%d" % c.server.port
        with open(os.path.join(folder, "large.txt"), "wb") as f:
            f.writelines(b"Line %d of a large text.\n" % i for i in range(400000))
        command = brought(c, key, os.path.join(folder, "large.txt"))
        uploads, end = os.path.join(c.server.data, "uploads"), time.monotonic() + PATIENCE
        while not any(os.path.getsize(os.path.join(uploads, x)) for x in (os.listdir(uploads) if os.path.isdir(uploads) else [])):
            check(time.monotonic() < end and command.poll() is None, "nothing of the large file comes")
            time.sleep(0.001)
        c.server.kill()
        c.server.start()
        said(command, 0, "1 added, 0 changed, 0 unchanged, 0 failed")
        said(brought(c, key, os.path.join(folder, "large.txt")), 0, "0 added, 0 changed, 1 unchanged, 0 failed")
    finally:
        shutil.rmtree(folder)
        os.unlink(folder + "-link")


def conflict(c):
    """A document of a name that another one has is refused where that is asked for; its upload stays for the answer of whoever is asked."""
    def json_of(method, path, body, want):
        r = c.who().request(method, path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        check(r.status == want, "%s %r: %d %r" % (path, body, r.status, r.body))
        return json.loads(r.body)

    path = "/api/v1/collections/%s/documents" % json_of("POST", "/api/v1/collections", {"name": "Quay"}, 201)["id"]
    made = []
    for text, conflict, want in ((b"Boats.", "refuse", 202), (b"Boats.", "refuse", 202), (b"No boats.", "refuse", 409)):
        at = c.begin(len(text))
        c.part(at, 0, text)
        new = {"upload_id": at.split("/")[-1], "name": "quay.txt", "on_conflict": conflict}
        made.append(json_of("POST", path, new, want))
    check(made[1]["same_as"] == made[0]["id"] == made[1]["id"], "the same bytes are no conflict")
    check(made[2]["error"]["code"] == "already_exists", "refused by another code: %r" % made[2])
    check(c.offset(at) == len(text), "the upload has gone")
    end = time.monotonic() + PATIENCE
    while json.loads(c.who().request("GET", "/api/v1/documents/" + made[0]["id"]).body)["state"] != "ready":
        check(time.monotonic() < end, "it is not read")
        time.sleep(0.01)
    again = json_of("POST", path, {**new, "on_conflict": "replace"}, 202)
    check(again["id"] == made[0]["id"] and again["size"] == len(text), "no new version: %r" % again)
    c.offset(at, want=404)


CASES = (conflict, options, version, whole, refusals, site, chunked, checksums, cut, silent, kill9, stop, crowd, overtaken, quota, links,
         too_long, sweep, deleted_user, signed_out, pictures, pictures_refused, pictures_swept,
         shell)


def run_case(case, binary, template, root):
    data = os.path.join(root, case.__name__)
    template.copy(data)
    server = Server(binary, data, {"ATELIER_UPLOAD_MAX_MB": "16", "ATELIER_UPLOAD_QUOTA_MB": "20", **getattr(case, "env", {})})
    try:
        server.start()
        case(Case(server, template))
        server.stop()
        server.check_log()
        return None
    except Failed as e:
        return str(e), server.log
    except Exception:
        return traceback.format_exc(), server.log
    finally:
        server.destroy()


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--binary", required=True)
    ap.add_argument("names", nargs="*")
    a = ap.parse_args()
    root, passed, failed = tempfile.mkdtemp(prefix="atelier-uploads-"), 0, 0
    try:
        template = Template(a.binary, root)
        for case in CASES:
            if a.names and case.__name__ not in a.names:
                continue
            problem = run_case(case, a.binary, template, root)
            passed, failed = passed + (problem is None), failed + (problem is not None)
            if problem:
                print("FAILED %s: %s\n%s" % (case.__name__, problem[0], "\n".join("    " + x for x in problem[1][-25:])))
    finally:
        shutil.rmtree(root, ignore_errors=True)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
