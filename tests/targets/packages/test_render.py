"""Templates: fields become facts, lines with a field of a list come once for each row."""

from importlib.resources import files
from pathlib import Path

from edgekit.targets.packages.render import fill_fields, render_template, templates


def test_a_line_of_a_list_is_repeated() -> None:
    text = "add(@name@\n    @source@ # @source_kind@\n)  \n"
    rows = [{"source": "a.c", "source_kind": "own"}, {"source": "b.c", "source_kind": "kernel"}]
    found = render_template(text, {"name": "net"}, {"source": rows})
    assert found == "add(net\n    a.c # own\n    b.c # kernel\n)\n"
    assert render_template("x\n@source@\n", {}, {"source": []}) == "x\n"


def test_what_is_no_fact_stays() -> None:
    assert fill_fields("@name@ @VAR@ a@b.c", {"name": "net"}) == "net @VAR@ a@b.c"


def test_templates_are_found_in_all_folders(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "b").write_text("2")
    (tmp_path / "a").write_text("1")
    assert [*templates(tmp_path)] == [("a", "1"), ("in/b", "2")]
    assert [*templates(files("edgekit.targets.packages") / "templates" / "cmake")]
