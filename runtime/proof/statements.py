"""The statements of one function, followed from the first to the last."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from edgekit.runtime.proof.declarations import MOST_TURNS, Declarations
from edgekit.runtime.proof.memory import SPENT
from edgekit.runtime.proof.order import depends_on_order
from edgekit.runtime.proof.syntax import NotUnderstood, Tree
from edgekit.runtime.proof.trees import NO_SESSION, changed_names, is_guard, levels, operands
from edgekit.runtime.proof.values import (
    WIDE,
    Pointer,
    Span,
    Value,
    bounds,
    exact,
    hull,
    is_none,
    join,
    span,
)

EMPTY = Span(1, 0)


def limit_of(where: str, error: Exception, line: str = "") -> str:
    """What stopped the check in a part of a build, with the line if it is known."""
    known = isinstance(error, NotUnderstood | ArithmeticError)
    text = f"{where}: {error if known else repr(error)} is not C that the check understands"
    return f"{text}, in `{line}`" if line else text


class Progress(NamedTuple):
    """How many accesses and problems were noted up to a statement, with times, calls and ranges."""

    events: int
    found: int
    times: dict[tuple[str, str], float]
    calls: int
    ranges: dict[str, Value]


class Function(Declarations):
    """One function, followed from its first statement to its last."""

    def limits(self) -> Iterator[str]:
        """Follow it; yield what the check does not understand."""
        self.line = ""  # where the statement begins that is followed
        try:
            self.follow()
        except Exception as error:  # of C that nobody has thought of: the build is refused
            yield limit_of(f"{self.name}, {self.where or 'outside of nodes'}", error, self.line)

    def follow(self) -> None:
        """Collect what contradicts the facts in `found`, in order.

        Raises:
            NotUnderstood: the check does not know a form of C.
            ArithmeticError: the C divides by zero, or a number is too large.
        """
        for name, place in self.facts["starts"]:
            block, first = self._place(place)
            self._fill(block, first, self.ids[name], name)
        for _, place in self.facts["ends"]:
            self._place(place)
        if "ready" in self.facts:
            self._fill("st", self.facts["ready"], self._new(4), "ready")
        statements, self.lines = self.program.statements(self.name)
        for statement in _without_return(statements):
            self._execute(statement)
            self._apply()
        self._leave()
        for name, place in self.facts["ends"]:
            block, first = self._place(place)
            self.where = "at the end"
            pointer = Pointer(block, first, "char", 1)
            self._compare(pointer, self.ids[name], f"{place} for {name!r}")
        if "ready" in self.facts and self.name.endswith("_process") and not self.is_session_tested:
            self._report("it does not test whether a session has begun")
        self._check_state()

    def _check_state(self) -> None:
        """Bytes of the state are what the function should leave; others are as they were where it should do no more."""
        held = self.blocks["st"].ids
        wanted = np.where(self.facts.get("alone", False), SPENT, held)
        for at, size, number in self.facts.get("leaves", ()):
            wanted[at : at + size] = number
        if not np.array_equal(held, wanted):
            wrong = np.flatnonzero(held != wanted)
            self._report(f"bytes {wrong[0]}..{wrong[-1] + 1} of state are not as they should be")

    def _execute(self, tree: Tree) -> None:
        self.line = self.lines.get(id(tree), self.line)
        getattr(self, f"_do_{tree[0]}")(*tree[1:])

    def _do_block(self, statements: Sequence[Tree]) -> None:
        own = [statement[1] for statement in statements if statement[0] == "declare"]
        self._begin_scope(*own)
        for statement in statements:
            self._execute(statement)
            if not self.nested and not self.maybe:
                self._apply()
        self._end_scope(*own)

    def _do_do(self, expression: Tree) -> None:
        self._value(expression)

    def _do_node(self, label: str, operator: str) -> None:
        self._leave()
        if not operator:  # states of the next hop
            self.step, self.where = len(self.facts["nodes"]) + 1, ""
            return
        nodes = self.facts["nodes"]
        for step in range(self.step, len(nodes)):
            if (nodes[step]["node"], nodes[step]["op"]) == (label, operator):
                self.step, self.where = step + 1, f"{operator} {label!r}"
                return
        place = self.where or "the start"
        self._report(f"the node {label!r} does not follow {place} in the graph")
        raise NotUnderstood("the order of nodes")

    def _do_return(self, value: Tree | None) -> None:
        raise NotUnderstood("a return before the end")

    def _leave_early(self, condition: Tree, statement: Tree) -> None:
        """What a condition ends: a hop before its first node, where arguments are wrong."""
        is_known = not self.step and all(map(self._is_end, operands(condition)))
        if not is_known or statement != ("return", self._result_of(condition)):
            raise NotUnderstood("a return or break that data decides")

    def _result_of(self, condition: Tree) -> Tree:
        """What a function returns where a condition ends it."""
        return ("minus", ("number", 2 if condition == NO_SESSION else 1))

    def _is_end(self, condition: Tree) -> bool:
        """Whether a condition is of wrong arguments, of a session that has not begun, or never true."""
        is_wrong = is_guard(condition, self.program.functions[self.name][0])
        if condition == NO_SESSION and "ready" in self.facts:
            self.is_session_tested = is_wrong = self._is_ready_read()
        return is_wrong or exact(self._value(condition)) == 0

    def _is_ready_read(self) -> bool:
        """Whether a variable has the bytes that say whether a session has begun."""
        at = self.facts["ready"]
        kept, read = self.blocks["st"].ids[at : at + 4], self.blocks["local ready"].ids
        return np.array_equal(kept, read)

    def _do_switch(self, value: Tree, cases: Sequence[Tree]) -> None:
        same = [("name", name) for name in self.program.functions[self.name][0]]
        for case in cases:
            if case[0] != "return" or case[1][0] != "call" or case[1][2] != same:
                raise NotUnderstood("a switch that does more than to choose a function")

    def _do_if(self, condition: Tree, body: Tree, other: Tree | None = None) -> None:
        decided = self._value(condition)
        if other is not None:
            self._execute_one(decided, body, other)
            return
        inner = body[1] if body[0] == "block" else [body]
        if [s[0] for s in inner] in (["return"], ["break"]):
            self._leave_early(condition, inner[0])
            return
        if isinstance(decided, int) and not decided:
            return
        if isinstance(decided, int):
            self._execute(body)
            return
        if isinstance(decided, np.ndarray):
            raise NotUnderstood("a condition that turns of a loop decide")
        self._execute_by_data(condition, body, inner)

    def _execute_one(self, decided: Value, body: Tree, other: Tree) -> None:
        """One of two blocks."""
        if not isinstance(decided, int):
            raise NotUnderstood("a choice of statements that data decides")
        self._execute(body if decided else other)

    def _execute_by_data(self, condition: Tree, body: Tree, inner: Sequence[Tree]) -> None:
        """What data decides to do: a limit of a position, or accesses that change nothing."""
        self._add_time_of("?")
        found = _position_limit(condition)
        if found is not None and inner == [("do", ("set", found[0], ("number", 0)))]:
            self._execute(body)
            self._limit(*found)
        else:
            self._execute_maybe(condition, body)

    def _limit(self, cell: Tree, limit: Tree, step: int) -> None:
        """What `if ((uint32_t)*at > 6u || *at % 2 != 0) { *at = 0; }` leaves: 0, 2, 4 or 6."""
        if self.nested or self.maybe:
            raise NotUnderstood("a condition that data decides")
        self._apply()
        pointer = self._address(cell)
        self.cells[pointer.block, int(pointer.at)] = Span(0, self._value(limit), step)

    def _execute_maybe(self, condition: Tree, body: Tree) -> None:
        """What data decides to do or not: reads of what is there, writes of what is there anyway."""
        names = {name: self.names.get(name) for name in changed_names(body)}
        if any(isinstance(before, Pointer) for before in names.values()):
            raise NotUnderstood("a pointer that data decides to change")
        if levels(body):
            self._add_time_of("a loop")
        self._apply_now()
        self._execute_within(condition, body)
        for name, before in names.items():
            after = self.names.get(name)
            self.names[name] = None if is_none(before, after) else join(before, after)

    def _execute_within(self, condition: Tree, body: Tree) -> None:
        """Statements whose accesses may happen; a name that is compared with a number is within it."""
        is_below = condition[:2] == ("op", "<") and condition[2][0] == "name"
        name = condition[2][1] if is_below else ""
        before = self.names.get(name)
        if not isinstance(before, Span):
            self._collect_maybe(body)
            return
        self.names[name] = _range_within(before, None, self._value(condition[3]) - 1)
        if self.names[name] is not EMPTY:
            self._collect_maybe(body)
        self.names[name] = before

    def _collect_maybe(self, *trees: Tree) -> None:
        """Follow statements and conditions whose accesses may happen."""
        outer, self.maybe = self.maybe, True
        first = len(self.events)
        for tree in trees:
            self._execute(tree)
        self.events[first:] = [event._replace(maybe=True) for event in self.events[first:]]
        self.maybe = outer

    def _do_loop(self, condition: Tree, body: Tree, step: Tree | None) -> None:
        """`for (; n > 0 && C; n--)`: at most as many turns as n is large."""
        first = condition[2] if condition[:2] == ("op", "&&") else condition
        name = first[2][1] if first[:2] == ("op", ">") and first[2][0] == "name" else ""
        before = self.names.get(name)
        down = ("set", ("name", name), ("op", "-", ("name", name), ("number", 1)))
        is_down = step == down and first[3] == ("number", 0) and not changed_names(body)
        if not is_down or before is None or isinstance(before, Pointer):
            raise NotUnderstood("a loop of unknown length")
        low, high = span(before)
        self._add_time_of("a loop")
        self.names[name] = _range_within(Span(low, high), 1, None)
        if self.names[name] is not EMPTY:
            self._collect_maybe(("do", condition), body)
        self.names[name] = Span(np.minimum(low, 0), high)

    def _do_for(self, name: str, first: Tree, limit: Tree, step: int, body: Tree) -> None:
        start, end = exact(self._value(first)), exact(self._value(limit))
        if not isinstance(start, int) or not isinstance(end, int):
            raise NotUnderstood(f"a loop over {name} whose length data decides")
        over = range(start, end if step > 0 else end - 1, step)
        if over:
            self._begin_scope(name)
            self._repeat(name, over, body)
            self._end_scope(name)

    def _repeat(self, name: str, over: range, body: Tree) -> None:
        """Follow all turns of a loop, one by one at most until one is wrong."""
        if self.turns * len(over) > MOST_TURNS:
            raise NotUnderstood(f"a loop of {len(over)} turns")
        if self.nested:
            shape = [1] * self.nested
            shape[self.depth] = len(over)
            self.names[name] = _turns(over).reshape(shape)
            outer, self.turns = self.turns, self.turns * len(over)
            self.depth += 1
            self._execute_turns(body)
            self.depth, self.turns = self.depth - 1, outer
            return
        self._apply()
        if not self._has_calls(body) and self._at_once(name, over, body):
            return
        before = len(self.found)
        for i in over:
            self.names[name] = i
            self._execute(body)
            self._apply()
            if len(self.found) > before:
                raise NotUnderstood(f"what follows the turn {name} = {i}")

    def _at_once(self, name: str, over: range, body: Tree) -> bool:
        """Follow all iterations as arrays, unless they depend on their order."""
        names, before, maybe = dict(self.names), self._progress(), self.maybe
        if self._has_pointer(changed_names(body)):
            return False
        self.nested, self.depth, self.turns = 1 + levels(body), 1, len(over)
        self.names[name] = _turns(over).reshape([len(over)] + [1] * (self.nested - 1))
        try:
            self._execute_turns(body)
            in_order = self._stay_inside() and depends_on_order(self.events)
        except NotUnderstood:
            in_order = True
        self.nested, self.turns, self.maybe = 0, 1, maybe
        if in_order or self.ranges != before.ranges:  # what a turn writes another one may read
            ranges, self.names = self.ranges, names
            self._return_to(before)
            self.ranges = before.ranges if in_order else ranges
            return not in_order and self._at_once(name, over, body)
        self._apply()
        return True

    def _stay_inside(self) -> bool:
        """Whether all accesses lie in their blocks."""
        ends = ((p, e.size) for e in self.events for p in (e.source, e.target) if p is not None)
        places = ((*bounds(pointer.at), size, pointer.block) for pointer, size in ends)
        return all(
            low >= 0 and high + size <= self._block(name).size for low, high, size, name in places
        )

    def _execute_turns(self, body: Tree) -> None:
        """Follow a loop's body with bounds of the variables that it changes, which hold in every turn."""
        names = [n for n in changed_names(body) if not is_none(self.names.get(n))]
        first = limits = {n: hull(self.names[n], self.names[n]) for n in names}
        before = self._progress()
        while True:
            self._execute(body)
            left = {n: hull(limits[n], self.names[n]) for n in names}
            self.names |= left
            if left == limits:
                return
            self._return_to(before)
            limits = left if limits is first else _unless_changed(limits, left)
            self.names |= limits

    def _progress(self) -> Progress:
        """What was found so far, to return to."""
        parts = len(self.events), len(self.found), dict(self.times), self.count, dict(self.ranges)
        return Progress(*parts)

    def _return_to(self, before: Progress) -> None:
        """Forget what was followed since."""
        del self.events[before.events :], self.found[before.found :]
        self.times, self.count, self.ranges = dict(before.times), before.calls, dict(before.ranges)

    def _has_pointer(self, names: set[str]) -> bool:
        """Whether one of these variables is a pointer."""
        held = (self.names.get(name) for name in names - self.scalars)
        return any(isinstance(value, Pointer) for value in held)

    def _has_calls(self, _tree: Value) -> bool:
        """Whether statements call what must be followed once for each turn: nothing in a hop, other functions do."""
        return False


def _position_limit(condition: Tree) -> tuple[Tree, Tree, int] | None:
    """The position that a condition limits, the largest that is left, and the step between two of them."""
    match condition:
        case ("op", ">", ("cast", "uint32_t", False, cell), limit):
            return cell, limit, 1
        case ("op", "||", first, ("op", "!=", ("op", "%", cell, ("number", step)), ("number", 0))):
            found = _position_limit(first)
            return (cell, found[1], step) if found is not None and found[0] == cell else None
    return None


def _range_within(value: Span, low: Value, high: Value) -> Span:
    """The numbers of a range that two limits leave; `EMPTY` if there are none."""
    lows = value.low if low is None else np.maximum(value.low, low)
    highs = value.high if high is None else np.minimum(value.high, high)
    if (np.asarray(lows) > highs).all():
        return EMPTY
    if (np.asarray(lows) > highs).any():
        raise NotUnderstood("a condition that some turns of a loop decide")
    return Span(lows, highs)


def _unless_changed(limits: Mapping[str, Span], left: Mapping[str, Span]) -> dict[str, Span]:
    """The same bounds, but `WIDE` of variables that a turn leaves outside of them."""
    return {name: limit if left[name] == limit else WIDE for name, limit in limits.items()}


def _without_return(statements: Sequence[Tree]) -> Sequence[Tree]:
    """The statements of a function before the last one, which returns."""
    return statements[:-1] if statements and statements[-1][0] == "return" else statements


def _turns(over: range) -> Value:
    """The numbers that a variable counts through."""
    return np.arange(over.start, over.stop, over.step, dtype=np.int64)
