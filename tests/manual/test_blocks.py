"""Every block of every document has an entry in the plan; and the reader of blocks reads."""
import re

import pytest

import in_systemd
from blocks import DOCUMENTS, ROOT, blocks, parse
from plan import PLAN, Entry, Unplanned, pair

PAGE = """.Sh EXAMPLES
.Bd -literal
a \\-b \\e
.\\" a comment
c\\&d
.Ed
.Ss Deeper
.Dl one \\(dqline\\(dq
"""
README = "# Top\n\n```sh\none\n```\n\n1. In a list:\n\n   ```ini\n   [two]\n     x = 1\n   ```\n"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_block_has_an_entry(document):
    pair(blocks(DOCUMENTS[document]), PLAN[document])


def test_blocks_of_a_page():
    found = [(b.section, b.line, b.text) for b in parse("page.8", PAGE)]
    assert found == [("EXAMPLES", 3, "a -b \\\ncd\n"), ("Deeper", 8, 'one "line"\n')]


def test_blocks_of_a_readme():
    found = [(b.section, b.language, b.line, b.text) for b in parse("x.md", README)]
    assert found == [("Top", "sh", 4, "one\n"), ("Top", "ini", 10, "[two]\n  x = 1\n")]


@pytest.mark.parametrize("name, text", [
    ("page.8", ".Bd -literal\n.Nm\n.Ed\n"), ("page.8", ".Bd -literal\na\n"),
    ("page.8", ".Bd -literal\n.Bd -literal\n.Ed\n"), ("page.8", ".Bd -literal\n\\fBa\n.Ed\n"),
    ("x.md", "```sh\n"), ("x.md", "~~~sh\n~~~\n"), ("x.md", "```sh extra\n```\n"),
])
def test_what_cannot_be_read_is_an_error(name, text):
    with pytest.raises(ValueError):
        parse(name, text)


@pytest.mark.parametrize("entries", [
    [], [Entry("Top", "one")], [Entry("Top", "one"), Entry("Top", "other")],
    [Entry("Top", "[two]"), Entry("Top", "one")],
    [Entry("Top", "one"), Entry("Top", "[two]"), Entry("Top", "three")],
    [Entry("Top", "one"), Entry("Top", "[two]", None)],
])
def test_a_block_that_nobody_runs_is_an_error(entries):
    with pytest.raises(Unplanned):
        pair(parse("x.md", README), entries)


def test_what_is_left_to_systemd_is_what_needs_it():
    left = [block for block, _, _ in in_systemd.rows()]
    assert left and all("systemctl" in block.text for block in left)
    assert {(block.document, block.section) for block in left} == set(in_systemd.AROUND)


def test_every_message_id_is_in_the_page():
    header = (ROOT / "src/util/log_ids.h").read_text(encoding="utf-8")
    page = DOCUMENTS["registry-jobd.8"].read_text(encoding="utf-8")
    ids = re.findall(r'"(\w{30})(\w\w)"', header)
    assert {prefix for prefix, _ in ids} == set(re.findall(r"^\.Li (\w{30}) ,$", page, re.MULTILINE))
    described = re.search(r"The message ids begin with\n(.*?)\n\.Pp\n", page, re.DOTALL).group(1)
    assert {end for _, end in ids} == set(re.findall(r"^\.Li (\w\w)$", described, re.MULTILINE))


def test_every_link_in_the_readme_has_its_heading():
    text = DOCUMENTS["README.md"].read_text(encoding="utf-8")
    headings = {re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-")
                for line in re.sub(r"(?s)```.*?```", "", text).splitlines() if line.startswith("#")}
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert any(link.startswith("#") for link in links)
    for link in links:
        if link.startswith("#"):
            assert link[1:] in headings, link
        elif not link.startswith("https://"):
            assert (ROOT / link).exists(), link
