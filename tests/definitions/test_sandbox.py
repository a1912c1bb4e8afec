"""Templates and conditions of users: values go in, nothing else can be reached, and nothing grows without bound."""

from __future__ import annotations

import time

import pytest

from ragkit.definitions.grammar import Place
from ragkit.definitions.sandbox import compile_expression, compile_text
from ragkit.errors import DefinitionError

PLACE = Place("chain.yaml", 20)
VALUES = {
    "ticket": {"number": 17, "tags": ["late", "paid"], "items": {"keys": "mine"}, "owner": None},
    "question": "{{ ticket.number }} {% raw %}",
}


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("No. {{ ticket.number }}", "No. 17"),
        ("{% for tag in ticket.tags %}{{ loop.index }}={{ tag | upper }};{% endfor %}", "1=LATE;2=PAID;"),
        ("{% if ticket.number > 3 and not ticket.owner %}yes{% else %}no{% endif %}", "yes"),
        ("{{ ticket.items.keys }}", "mine"),
        ("{{ ticket.tags[1] }}, {{ ticket.tags | join('+') }}", "paid, late+paid"),
        ("{{ ticket.tags }}", '["late", "paid"]'),
        ("[{{ ticket.owner }}]", "[]"),
        ("{% for n in range(3) %}{{ n }}{% endfor %}", "012"),
    ],
)
def test_values_are_filled_in(text: str, made: str) -> None:
    assert compile_text(text, PLACE).render(VALUES) == made


def test_a_value_is_never_template_syntax() -> None:
    assert compile_text("Q: {{ question }}", PLACE).render(VALUES) == "Q: {{ ticket.number }} {% raw %}"


@pytest.mark.parametrize(
    "text",
    [
        "{{ ticket.__class__ }}",
        "{{ ticket['__class__'] }}",
        "{{ ''.join(ticket.tags) }}",
        "{{ 'a' * 1000000000 }}",
        "{{ 10 ** 100000 }}",
        "{{ '%1000000000d' | format(1) }}",
        "{{ ticket | attr('__class__') }}",
        "{{ lipsum(1000) }}",
        "{{ cycler }}{{ cycler.__init__ }}",
        "{% set x = 1 %}",
        "{% macro m() %}{% endmacro %}",
        "{% include 'x' %}",
        "{% import 'x' as y %}",
        "{% extends 'default' %}",
        "{% block a %}{% endblock %}",
        "{% for a in range(101) %}{% endfor %}",
        "{% for a in range(ticket.number) %}{% endfor %}",
        "{% for a in ticket.tags recursive %}{{ loop(a) }}{% endfor %}",
        "{% for a in ticket.tags %}{{ loop.cycle('x') }}{% endfor %}",
        "{% for a in [1] %}{% for b in [1] %}{% for c in [1] %}{% endfor %}{% endfor %}{% endfor %}",
        "{{ ticket.tags | map('upper') }}",
        "{{ ticket.number is divisibleby 3 }}",
        "{{ self }}{{ self.x() }}",
        "{{ super() }}",
        "{{ ticket.tags[ticket.number] }}",
        "{{ ticket.tags[0:1] }}",
        "{{ ticket.number + 1 }}",
        "{{ ticket.tags ~ ticket.tags }}",
        "{{ unclosed",
        "{% if x %}",
        "{{ ticket.format_map() }}",
    ],
)
def test_all_else_is_refused_before_it_runs(text: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        compile_text(f"first line\n{text}", PLACE)
    assert caught.value.line == 22


def test_a_missing_value_is_an_error_of_the_rendering_with_file_and_line() -> None:
    with pytest.raises(DefinitionError, match=r"chain.yaml:21: cannot be filled in: .*colour"):
        compile_text("{{ ticket.colour }}", PLACE).render(VALUES)


def test_loops_over_large_values_end_at_the_bound() -> None:
    text = compile_text("{% for a in rows %}{% for b in rows %}{{ long }}{% endfor %}{% endfor %}", PLACE)
    begun = time.monotonic()
    with pytest.raises(DefinitionError, match="makes more than"):
        text.render({"rows": list(range(5_000)), "long": "x" * 1_000})
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("ticket.number == 17", True),
        ("'late' in ticket.tags and ticket.owner is none", True),
        ("ticket.tags", ["late", "paid"]),
        ("ticket.owner", None),
        ("ticket.colour", None),
        ("not ticket.colour", True),
        ("[ticket.number, 'x']", [17, "x"]),
    ],
)
def test_conditions_have_values(text: str, value: object) -> None:
    found = compile_expression(text, PLACE).value(VALUES)
    assert found == value


@pytest.mark.parametrize("text", ["ticket.number(", "1 +", "ticket.tags.append(1)", "x = 1", "a }} b {{ c", "", "1; 2"])
def test_a_bad_condition_is_refused(text: str) -> None:
    with pytest.raises(DefinitionError):
        compile_expression(text, PLACE)


def test_a_comparison_of_unlike_values_is_a_typed_error() -> None:
    with pytest.raises(DefinitionError, match="cannot be evaluated"):
        compile_expression("ticket.tags > 3", PLACE).value(VALUES)


def test_references_are_known_with_their_lines() -> None:
    text = compile_text("{{ ticket.number }}\n{% for tag in other.tags %}{{ tag.name }}{% endfor %}", PLACE)
    assert [(item.name, item.fields, item.line) for item in text.references] == [
        ("ticket", ("number",), 21),
        ("other", ("tags",), 22),
    ]
