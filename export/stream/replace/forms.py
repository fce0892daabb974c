"""Allowed replacements: the values of ``--replace`` and ``--causal``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgekit.base.errors import Problem, UsageError

CUMULATIVE, WINDOW = "cumulative", "window:N"
# kind that may be replaced -> its forms; the first is that of --causal, unless it takes a length
FORMS: Mapping[str, tuple[str, ...]] = {
    "pad": ("zeros", "first"),
    "mean": (CUMULATIVE, WINDOW),
    "norm": (CUMULATIVE, WINDOW),
    "max": (WINDOW,),
    "attention": (WINDOW,),
    "stft": ("causal",),
}
ASKED = frozenset(("stft",))  # it streams as it is, so that --causal leaves it


@dataclass(frozen=True)
class Form:
    """One replacement: `kind` is a key of `FORMS`; `window` counts frames, None if the form has none."""

    kind: str
    name: str
    window: int | None = None

    def __str__(self) -> str:
        """Return the form as on the command line."""
        return f"{self.kind}={self.name}" + ("" if self.window is None else f":{self.window}")


def read_form(text: str) -> Form:
    """Read ``mean=cumulative`` or ``mean=window:100``.

    Raises:
        UsageError: unknown words.
    """
    kind, _, form = text.partition("=")
    name, colon, length = form.partition(":")
    forms = FORMS.get(kind, ())
    if colon and WINDOW in forms and name == WINDOW.split(":")[0]:
        if length.isdecimal() and int(length) > 0:
            return Form(kind, name, int(length))
    elif form in forms and form != WINDOW:
        return Form(kind, form)
    known = "; ".join(f"{k}={' or '.join(row)}" for k, row in FORMS.items())
    step = "give one of these, N being frames of the tensor that is summed up"
    raise UsageError(Problem(f"--replace '{text}'", "not a replacement", known, step))


def chosen(texts: Sequence[str], *, causal: bool) -> dict[str, Form]:
    """Return the form of each kind that is replaced: those of `texts`, with `causal` also the defaults of the others.

    Raises:
        UsageError: unknown words, or two forms of one kind.
    """
    found: dict[str, Form] = {}
    for text in texts:
        form = read_form(text)
        if form.kind in found:
            where, what = f"--replace '{text}'", f"given with {found[form.kind]}"
            raise UsageError(Problem(where, what, "one form of each kind", "leave one out"))
        found[form.kind] = form
    if causal:
        defaults = {k: row[0] for k, row in FORMS.items() if row[0] != WINDOW and k not in ASKED}
        found = {k: Form(k, name) for k, name in defaults.items()} | found
    return found
