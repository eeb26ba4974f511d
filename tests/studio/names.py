"""Names that end users, threads and keys may have, and that pages must neither run nor break on."""

MARKUP = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
HOSTILE = {
    "markup": MARKUP,
    "rtl": "عائشة بنت أحمد",
    "override": "abc\u202edef\u2066",
    "long": "x" * 200,
    "path": "a/b/../c//?d=1&e#f%2F",
    "template": "{{ 7|add:7 }}{% now 'Y' %}",
    "spaces": "  two  words ",
    "lines": "one\ntwo\r\nthree",
    "dots": "..",
}
