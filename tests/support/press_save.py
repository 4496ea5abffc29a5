"""A browser of few words: it opens the sign-in page it is given, presses Save, and follows where that leads.

As a program, for BROWSER: `python press_save.py URL`.
"""

import html
import re
import sys
import urllib.parse
import urllib.request


def press_save(url):
    """The text of the last page, and its address."""
    with urllib.request.urlopen(url, timeout=30) as answer:
        page = answer.read().decode()
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page)
    sent = urllib.parse.urlencode([(name, html.unescape(value)) for name, value in fields]).encode()
    (action,) = re.findall(r'<form method="post" action="([^"]+)"', page)
    action = urllib.parse.urljoin(url, action)
    with urllib.request.urlopen(action, sent, timeout=30) as answer:
        return answer.read().decode(), answer.url


if __name__ == "__main__":
    press_save(sys.argv[1])
