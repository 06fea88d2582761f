"""Pushes texts through what Python programs do to text, and prints what comes out.

Usage: python3 pipelines.py < TEXTS.json > RESULTS.json

In and out as in pipelines.mjs, the words for losses too. Needs Python 3.9 or
later and nothing beside its own library.
"""
import ast
import csv
import email
import email.message
import email.policy
import html
import html.parser
import io
import json
import quopri
import re
import sqlite3
import string
import sys
import textwrap
import unicodedata
import urllib.parse
import xml.etree.ElementTree as ET
import zlib


def table(text):
    out = io.StringIO(newline="")
    csv.writer(out).writerow(["a", text])
    return next(csv.reader(io.StringIO(out.getvalue(), newline="")))[1]


def mail(text):
    message = email.message.EmailMessage()
    message.set_content(text)
    return email.message_from_bytes(message.as_bytes(), policy=email.policy.default).get_content()


def element(text):
    node = ET.Element("a")
    node.text = text
    return ET.fromstring(ET.tostring(node)).text


def row(text):
    db = sqlite3.connect(":memory:")
    try:
        db.execute("create table a (t text)")
        db.execute("insert into a values (?)", (text,))
        return db.execute("select trim(t) from a").fetchone()[0]
    finally:
        db.close()


def words_of_page(text):
    parser, out = html.parser.HTMLParser(), []
    parser.handle_data = out.append
    parser.feed("<p>" + html.escape(text) + "</p>")
    return "".join(out)


def form(of):
    return lambda t: unicodedata.normalize(of, t)


def without(drop):
    return lambda t: "".join(c for c in t if not drop(c))


def category(prefix):
    return without(lambda c: unicodedata.category(c).startswith(prefix))


def lossy(charset):
    return lambda t: t.encode(charset, "ignore").decode(charset)


PIPELINES = [
    ("encoding", "json, all of it ASCII", "none", lambda t: json.loads(json.dumps(t))),
    ("encoding", "json, UTF-8", "none", lambda t: json.loads(json.dumps(t, ensure_ascii=False))),
    ("encoding", "csv", "none", table),
    ("encoding", "quopri", "none", lambda t: quopri.decodestring(quopri.encodestring(t.encode())).decode()),
    ("encoding", "email, message body", "none", mail),
    ("encoding", "html.escape", "none", lambda t: html.unescape(html.escape(t))),
    ("encoding", "html.parser", "none", words_of_page),
    ("encoding", "xml.etree", "none", element),
    ("encoding", "urllib, quote", "none", lambda t: urllib.parse.unquote(urllib.parse.quote(t))),
    ("encoding", "urllib, form", "none", lambda t: urllib.parse.parse_qs(urllib.parse.urlencode({"a": t}))["a"][0]),
    ("encoding", "UTF-16", "none", lambda t: t.encode("utf-16").decode("utf-16")),
    ("encoding", "GB 18030", "none", lambda t: t.encode("gb18030").decode("gb18030")),
    ("encoding", "zlib", "none", lambda t: zlib.decompress(zlib.compress(t.encode())).decode()),
    ("encoding", "repr", "none", lambda t: ast.literal_eval(repr(t))),
    ("encoding", "sqlite3", "shape", row),
    ("encoding", "CP1252, lossy", "strip", lossy("cp1252")),
    ("normal form", "unicodedata, NFC", "none", form("NFC")),
    ("normal form", "unicodedata, NFD", "shape", form("NFD")),
    ("normal form", "unicodedata, NFKC", "shape", form("NFKC")),
    ("normal form", "unicodedata, NFKD", "shape", form("NFKD")),
    ("case", "upper", "shape", str.upper),
    ("case", "casefold", "shape", str.casefold),
    ("white space", "strip", "shape", str.strip),
    ("white space", "split, joined", "shape", lambda t: " ".join(t.split())),
    ("white space", r"re, \s+ to one space", "shape", lambda t: re.sub(r"\s+", " ", t)),
    ("white space", "expandtabs, rstrip of lines", "shape", lambda t: "\n".join(l.expandtabs().rstrip() for l in t.splitlines())),
    ("white space", "textwrap.fill", "lines", textwrap.fill),
    ("cutting", "the middle third", "cut", lambda t: t[len(t) // 3 : 2 * len(t) // 3]),
    ("cutting", "textwrap.shorten, 1,000 characters", "cut", lambda t: textwrap.shorten(t, 1000)),
    ("filter", "isprintable", "shape", without(lambda c: not c.isprintable() and c != "\n")),
    ("filter", "format characters (Cf)", "none", category("Cf")),
    ("filter", "punctuation (string.punctuation)", "shape", without(lambda c: c in string.punctuation)),
    ("filter", "marks (Mn)", "strip", category("Mn")),
    ("filter", r"re, [^\w\s]", "strip", lambda t: re.sub(r"[^\w\s]", "", t)),
    ("filter", "all but ASCII", "strip", lossy("ascii")),
]


def main():
    texts = json.load(sys.stdin)
    results = [
        {"group": group, "name": name, "loss": loss, "texts": {key: run(text) for key, text in texts.items()}}
        for group, name, loss, run in PIPELINES
    ]
    json.dump(results, sys.stdout)


main()
