"""The tables of docs/benchmarks.md that programs write, each between its marks."""
import models

PAGE = models.ROOT / "docs" / "benchmarks.md"


def insert(name, lines):
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, rest = PAGE.read_text().split(begin)
    PAGE.write_text("\n".join([before + begin, *lines, end + rest.split(end)[1]]))
