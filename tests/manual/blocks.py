"""The literal blocks of the documents: what a reader copies out of them.

blocks(path) has all of a file in their order, by_section(path) the same as a dict. A page in mdoc
gives what stands between .Bd and .Ed, or behind .Dl; a file in Markdown what stands between fences.
left_to(who) are the blocks that are not run here but by others, such as tests/systemd.
"""
import pathlib
import re
import textwrap
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENTS = {
    "README.md": ROOT / "README.md",
    "registry-jobd.8": ROOT / "src/supervisor/registry-jobd.8",
    "registry-jobd.conf.5": ROOT / "src/config/registry-jobd.conf.5",
    "registry-job.1": ROOT / "src/cli/registry-job.1",
    "registry-job-plugin.3": ROOT / "include/registry-job/registry-job-plugin.3",
}
ESCAPES = {"\\e": "\\", "\\-": "-", "\\&": "", "\\(dq": '"', "\\(aq": "'", "\\(ti": "~",
           "\\(ha": "^"}


@dataclass(frozen=True)
class Block:
    """`language` is the word behind the fence; a page has none. `line` is that of its first line."""
    document: str
    section: str
    language: str
    line: int
    text: str

    @property
    def place(self):
        return f"{self.document}:{self.line} ({self.section})"


def unescape(text, place):
    """What mandoc prints of a line: only escapes that are known, so that none is run by mistake."""
    def one(match):
        if match.group() not in ESCAPES:
            raise ValueError(f"{place}: no such escape: {match.group()!r}")
        return ESCAPES[match.group()]
    return re.sub(r"\\(?:\(..|.)", one, text)


def mdoc_blocks(document, lines):
    section, begun, content = "", 0, []
    for number, line in enumerate(lines, 1):
        place = f"{document}:{number}"
        if line.startswith((".Sh ", ".Ss ")):
            section = unescape(line[4:], place)
        elif re.match(r"\.(Dl|D1) ", line):
            yield Block(document, section, "", number, unescape(line[4:], place) + "\n")
        elif line.startswith(".Bd"):
            if begun:
                raise ValueError(f"{place}: .Bd in .Bd")
            begun, content = number, []
        elif line == ".Ed":
            yield Block(document, section, "", begun + 1, "".join(content))
            begun = 0
        elif begun and not line.startswith('.\\"'):
            if line.startswith((".", "'")):
                raise ValueError(f"{place}: a macro in a literal block")
            content.append(unescape(line, place) + "\n")
    if begun:
        raise ValueError(f"{document}:{begun}: .Bd without .Ed")


def markdown_blocks(document, lines):
    section, fence, begun, content = "", None, 0, []
    for number, line in enumerate(lines, 1):
        match = re.match(r"( *)```(\w*)$", line)
        if fence is not None and line.strip() == "```":
            text = textwrap.dedent("".join(content))
            yield Block(document, section, fence, begun + 1, text)
            fence = None
        elif fence is not None:
            content.append(line + "\n")
        elif match:
            fence, begun, content = match.group(2), number, []
        elif line.lstrip().startswith(("```", "~~~")):
            raise ValueError(f"{document}:{number}: a fence of another kind")
        elif line.startswith("#"):
            section = line.lstrip("#").strip()
    if fence is not None:
        raise ValueError(f"{document}:{begun}: a fence is not closed")


def parse(document, text):
    """The blocks of a text that is called `document`; its name says what it is written in."""
    reader = markdown_blocks if document.endswith(".md") else mdoc_blocks
    return list(reader(document, text.splitlines()))


def blocks(path):
    path = pathlib.Path(path)
    return parse(path.name, path.read_text(encoding="utf-8"))


def by_section(path):
    sections = {}
    for block in blocks(path):
        sections.setdefault(block.section, []).append(block)
    return sections


def left_to(who):
    """Blocks that `who` has to run, in their order, with the reason why they are not run here."""
    from plan import PLAN, pair  # the plan needs nothing of the machine, but imports from here
    return [(block, entry.why) for document, path in DOCUMENTS.items()
            for block, entry in pair(blocks(path), PLAN[document]) if entry.left_to == who]
