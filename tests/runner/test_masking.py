"""A secret is not seen: not printed by accident, not in any encoding, not split over chunks."""

import base64
import copy
import itertools
import json
import pickle
import re
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.masking import MASK, Masked, MaskedStream, Masker, encodings_of

SECRET = "dckr_pat_s3cr3t/+&é\"'\\x"
# Without the mask's own characters: `]` beside a mask could be read as a part of a secret.
ALPHABET = "abcAB01/+=&<%\"'\\ \n\té€𝄞\ud800"
SECRETS = st.text(ALPHABET, min_size=4, max_size=12)


def masked_in_chunks(masker, text, cuts):
    stream = MaskedStream(masker)
    edges = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    parts = [stream.feed(text[start:stop]) for start, stop in itertools.pairwise(edges)]
    return "".join([*parts, stream.close()])


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        ascii,
        "{}".format,
        "{:>40}".format,
        "{!r}".format,
        lambda secret: "%s" % secret,  # noqa: UP031 - one of the ways to print it
        lambda secret: f"{[secret]} { ({'password': secret}) }",
        lambda secret: str(ValueError(secret)),
    ],
)
def test_a_masked_text_is_not_printed(show):
    assert SECRET not in show(Masked(SECRET))
    assert "MASKED" in show(Masked(SECRET))


@pytest.mark.parametrize("take", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps, "".join])
def test_a_masked_text_does_not_leave_by_a_side_door(take):
    with pytest.raises(TypeError) as caught:
        take(Masked(SECRET) if take is not "".join else [Masked(SECRET)])
    assert SECRET not in str(caught.value)


def test_a_masked_text_is_compared_by_content_and_revealed_on_demand():
    assert Masked("a") == Masked("a") != Masked("b")
    assert Masked("a") != "a"
    assert len({Masked("a"), Masked("a")}) == 1
    assert not Masked("")
    assert Masked(SECRET).reveal() == SECRET


@pytest.mark.parametrize(
    "encoded",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        re.sub("%..", lambda found: found[0].lower(), quote(SECRET)),
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        json.dumps(SECRET).replace("&", "\\u0026"),
        repr(SECRET),
        repr(SECRET.encode()),
        SECRET.encode().hex(),
        SECRET.encode().hex().upper(),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
    ],
)
def test_a_secret_is_masked_in_every_encoding(encoded):
    assert MASK in Masker([Masked(SECRET)])(f"before {encoded} after")
    assert encoded not in Masker([Masked(SECRET)])(f"before {encoded} after")


@given(
    user=st.sampled_from(["", "a", "ab", "abc", "mozilla"]),
    after=st.sampled_from(["", "x", "xy", '"}']),
    encode=st.sampled_from([base64.b64encode, base64.urlsafe_b64encode]),
    secret=SECRETS.map(lambda text: f"p{text}w"),
)
def test_base64_of_a_text_around_the_secret_is_masked_at_each_alignment(user, after, encode, secret):
    raw = f"{user}:{secret}{after}".encode(errors="surrogatepass")
    shown = Masker([Masked(secret)])(encode(raw).decode())
    # What is left is of the text around, and of one character at either end of the secret.
    assert MASK in shown
    assert len(shown.replace(MASK, "").rstrip("=")) <= (len(user) + 1 + len(after) + 4) * 4 / 3 + 4


@given(secrets=st.lists(SECRETS, min_size=1, max_size=3), data=st.data())
def test_no_encoding_of_a_secret_is_in_the_output_whatever_the_chunks(secrets, data):
    forms = sorted({form for secret in secrets for form in encodings_of(secret)})
    parts = data.draw(st.lists(st.one_of(st.sampled_from(forms), st.text(ALPHABET, max_size=6)), max_size=6))
    cuts = data.draw(st.lists(st.integers(0, 1000), max_size=8))
    text = "".join(parts)
    masker = Masker(map(Masked, secrets))

    shown = masked_in_chunks(masker, text, cuts)

    assert shown == masker(text)
    assert not [form for form in forms if form in shown]


@given(text=st.text(ALPHABET, max_size=60), cuts=st.lists(st.integers(0, 1000), max_size=8))
def test_what_is_no_secret_passes_unchanged(text, cuts):
    assert masked_in_chunks(Masker(), text, cuts) == text
    assert masked_in_chunks(Masker([Masked("not-in-the-alphabet")]), text, cuts) == text


def test_a_secret_that_begins_another_does_not_show_the_rest_of_it():
    masker = Masker([Masked("token"), Masked("token-of-the-release")])
    stream = MaskedStream(masker)
    assert stream.feed("x token") == "x "
    assert stream.feed("-of-the-release y") + stream.close() == f"{MASK} y"


def test_secrets_that_overlap_are_masked_as_one():
    assert Masker([Masked("abcdef"), Masked("defghi")])("-abcdefghi-") == f"-{MASK}-"


def test_each_line_of_a_secret_is_masked():
    masker = Masker([Masked("first line\n  second line\r\nthird\n")])
    assert masker("| first line") == f"| {MASK}"
    assert masker("|   second line") == f"|   {MASK}"
    assert masker("third") == MASK


def test_a_secret_that_was_saved_with_a_newline_is_masked_without_it():
    assert Masker([Masked("s3cret \n")])("user:s3cret@host") == f"user:{MASK}@host"


def test_a_secret_of_less_than_four_characters_cannot_be_masked_as_it_is():
    masker = Masker([Masked("abc")])
    assert masker("abc") == "abc"
    assert masker(b"abc".hex()) == MASK


def test_a_secret_added_later_is_masked_from_then_on():
    masker = Masker()
    assert masker("s3cret") == "s3cret"
    masker.add(Masked("s3cret"))
    masker.add(Masked(""))
    assert masker("s3cret") == MASK


def test_a_long_secret_holds_back_no_more_than_might_be_its_beginning():
    stream = MaskedStream(Masker([Masked("-----BEGIN KEY-----\n" + "q" * 4000)]))
    assert stream.feed("a line\n" * 1000) == "a line\n" * 1000
    assert stream.feed("-----BEGIN KEY") == ""
    assert stream.close() == "-----BEGIN KEY"
