"""What Unity would save of a C# class: its serialized fields, read out of the sources.

A small parser of declarations: it knows comments, literals, attributes, nested types, generics and
every kind of member, and skips all bodies. Code in every branch of #if counts, because a package
that is missing here may be there for others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"""(?P<skip>\s+|//[^\n]*|/\*.*?\*/|^[ \t]*\#[^\n]*)
      | (?P<literal>\$?@"(?:[^"]|"")*"|@\$"(?:[^"]|"")*"|\$?"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\])+')
      | (?P<word>@?[A-Za-z_]\w*)
      | (?P<number>\.?\d[\w.]*)
      | (?P<mark>=>|==|!=|<=|>=|&&|\|\||\?\?|\+\+|--|::|.)""",
    re.X | re.S | re.M,
)
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_KINDS = {"class", "struct", "interface", "enum"}
_MODIFIERS = {
    "public", "private", "protected", "internal", "static", "readonly", "const", "volatile", "new",
    "override", "virtual", "abstract", "sealed", "unsafe", "extern", "partial", "async", "event",
    "ref", "fixed",
}  # fmt: skip


@dataclass(frozen=True)
class Token:
    text: str
    line: int
    kind: str


@dataclass(frozen=True)
class Field:
    """One serialized field. ``type`` without blanks: "Transform[]", "List<Vector3>"."""

    name: str
    type: str
    line: int


@dataclass
class Type:
    """A class, struct, interface or enum; ``values`` are an enum's numbers by name."""

    kind: str
    name: str
    namespace: str
    outer: str  # the enclosing types, "Panel.Button"; empty for a type of a namespace
    line: int
    path: str
    modifiers: frozenset[str]
    attributes: frozenset[str]
    bases: list[str]
    fields: list[Field] = field(default_factory=list)
    values: dict[str, int] = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        return ".".join(part for part in (self.namespace, self.outer, self.name) if part)


def tokens(source: str) -> list[Token]:
    found, line = [], 1
    for match in _TOKEN.finditer(source):
        kind = str(match.lastgroup)
        if kind != "skip":
            found.append(Token(match[0], line, kind))
        line += match[0].count("\n")
    return found


def types(source: str, path: str) -> list[Type]:
    """Every type that ``source`` declares, nested ones too."""
    return list(_Reader(tokens(source), path).space("", 0)[0])


class _Reader:
    """Walks over the tokens of one file. Methods take a position and return the next one."""

    def __init__(self, found: list[Token], path: str) -> None:
        self.tokens, self.path = found, path

    def text(self, at: int) -> str:
        return self.tokens[at].text if at < len(self.tokens) else ""

    def after(self, at: int) -> int:
        """The position behind the bracket that opens at ``at``."""
        depth = 0
        opening, closing = self.text(at), _CLOSING[self.text(at)]
        while at < len(self.tokens):
            depth += (self.text(at) == opening) - (self.text(at) == closing)
            at += 1
            if depth == 0:
                break
        return at

    def behind(self, at: int, *ends: str) -> int:
        """The position of the next token of ``ends`` outside brackets."""
        while at < len(self.tokens) and self.text(at) not in ends:
            at = self.after(at) if self.text(at) in _CLOSING else at + 1
        return at

    def space(self, namespace: str, at: int) -> tuple[list[Type], int]:
        """The types of a file or a namespace's body, up to its closing brace."""
        found: list[Type] = []
        while at < len(self.tokens) and self.text(at) != "}":
            if self.text(at) == "namespace":
                end = self.behind(at, "{", ";")
                name = "".join(token.text for token in self.tokens[at + 1 : end])
                inner = f"{namespace}.{name}" if namespace else name
                more, at = self.space(inner, end + 1)
                found += more
                at += self.text(at) == "}"
            elif self.text(at) == "[" and self.text(at + 1) in {"assembly", "module"}:
                at = self.after(at)
            elif self.text(at) == "using":
                at = self.behind(at, ";") + 1
            else:
                more, _, at = self.member(namespace, "", at)
                found += more
        return found, at

    def member(self, namespace: str, outer: str, at: int) -> tuple[list[Type], list[Field], int]:
        """One member from its attributes on: the types and the serialized fields it declares."""
        attributes, at = self.attributes(at)
        start, depth = at, 0
        while at < len(self.tokens):
            text = self.text(at)
            if text in _KINDS and depth == 0:
                head = frozenset(token.text for token in self.tokens[start:at])
                found, at = self.type(namespace, outer, head, attributes, at)
                return found, [], at
            if text in {"<", "["}:
                depth += 1
            elif text in {">", "]"}:
                depth -= 1
            elif text == "(" and all(t.text in _MODIFIERS for t in self.tokens[start:at]):
                at = self.after(at) - 1  # a tuple as type
            elif text == "(":
                return [], [], self.body(self.after(at))
            elif text in {"{", "=>"}:
                return [], [], self.body(at)
            elif text in {"=", ";"} or (text == "," and depth == 0):
                return self.declared(attributes, start, at)
            at += 1
        return [], [], at

    def attributes(self, at: int) -> tuple[frozenset[str], int]:
        names = set()
        while self.text(at) == "[":
            end = self.after(at)
            names |= set(_attribute_names(self.tokens[at + 1 : end - 1]))
            at = end
        return frozenset(names), at

    def body(self, at: int) -> int:
        """Behind the body of a method or property that begins at or after ``at``."""
        at = self.behind(at, "{", "=>", ";")
        if self.text(at) != "{":
            return self.behind(at, ";") + 1
        at = self.after(at)
        return self.behind(at, ";") + 1 if self.text(at) == "=" else at

    def declared(
        self, attributes: frozenset[str], start: int, at: int
    ) -> tuple[list[Type], list[Field], int]:
        """The fields of one declaration whose first name ends before ``at``."""
        head = self.tokens[start:at]
        modifiers = {token.text for token in head if token.text in _MODIFIERS}
        rest = [token for token in head if token.text not in _MODIFIERS]
        names = rest[-1:]
        while self.text(at) not in {";", ""}:
            # `, b = 2` and `, b;` name another field; the comma in `new Map<A, B>()` does not.
            if self.text(at) == "," and self.text(at + 2) in {"=", ",", ";"}:
                names.append(self.tokens[at + 1])
            at = self.behind(at + 1, ",", ";")
        saved = _is_saved(modifiers, attributes) and len(rest) > 1
        kind = "".join(token.text for token in rest[:-1])
        return [], [Field(n.text, kind, n.line) for n in names if saved], at + 1

    def type(
        self, namespace: str, outer: str, head: frozenset[str], attributes: frozenset[str], at: int
    ) -> tuple[list[Type], int]:
        kind, name = self.text(at), self.text(at + 1)
        brace = self.behind(at, "{")
        clause = [token.text for token in self.tokens[at + 2 : brace]]
        until = clause.index("where") if "where" in clause else len(clause)
        bases = "".join(clause[clause.index(":") + 1 : until]) if ":" in clause[:until] else ""
        made = Type(
            kind, name, namespace, outer, self.tokens[at].line, self.path, head & _MODIFIERS,
            attributes, [base for base in re.split(r",(?![^<]*>)", bases) if base],
        )  # fmt: skip
        found, at = [made], brace + 1
        if kind == "enum":
            end = self.after(brace)
            made.values = _enum_values(self.tokens[brace + 1 : end - 1])
            return found, end
        inside = f"{outer}.{name}" if outer else name
        while at < len(self.tokens) and self.text(at) != "}":
            nested, fields, at = self.member(namespace, inside, at)
            found += nested
            made.fields += fields
        return found, at + 1


def _attribute_names(inside: list[Token]) -> Iterator[str]:
    """The names in ``[A, B(…), C]``, without their arguments and the suffix Attribute."""
    depth, expected = 0, True
    for token in inside:
        if token.text in {"(", "["}:
            depth += 1
        elif token.text in {")", "]"}:
            depth -= 1
        elif depth == 0 and token.text in {",", ".", ":"}:
            expected = True
        elif depth == 0 and expected:
            yield token.text.removesuffix("Attribute")
            expected = False


def _is_saved(modifiers: set[str], attributes: frozenset[str]) -> bool:
    if modifiers & {"static", "const", "readonly", "event"} or "NonSerialized" in attributes:
        return False
    return "public" in modifiers or bool(attributes & {"SerializeField", "SerializeReference"})


def _enum_values(inside: list[Token]) -> dict[str, int]:
    """Names with their numbers; a number that is an expression is left out."""
    values: dict[str, int] = {}
    following = 0
    text = "".join(token.text for token in inside)
    for entry in text.split(","):
        name, _, number = re.sub(r"\[[^\]]*\]", "", entry).partition("=")
        if number:
            following = int(number, 0) if re.fullmatch(r"-?(0x)?[0-9a-fA-F]+", number) else 0
        if name:
            values[name] = following
            following += 1
    return values
