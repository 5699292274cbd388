"""Shell text -> its placeholders, the simple commands it holds, and the words of each.

Follows POSIX.1-2024, Shell Command Language, 2.2 (quoting), 2.3 (token recognition) and 2.10 (grammar)
as far as is needed to know, at each placeholder, which quotes are open and which command it belongs to.
It does not have to be right about everything: a value is never part of the text (console/catalog/shell.py).
"""

from __future__ import annotations

import re

from console.catalog.words import EXPANSION, PLACEHOLDER, SLOT, Quote, Scan, SimpleCommand, Slot, Word

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_META = " \t\n;&|<>()"
_EVALUATED = re.compile(r"!.*|#?(\w+|[@*])(\[|:[^-=+?]).*", re.DOTALL)
_OPENERS = {"if", "then", "else", "elif", "fi", "do", "done", "while", "until", "!", "time"}


def scan(text: str) -> Scan:
    """Read a script. Faults are in the answer's `refusals`, as (offset, reason)."""
    lexer = _Lexer(text)
    lexer.code("")
    lexer.literal_until(len(text))
    return lexer.found


class _Lexer:
    """Reads shell text once, left to right. `done` is how far text has been put into the pieces."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.done = 0
        self.found = Scan()
        self.functions = 0
        self.heredocs: list[tuple[SimpleCommand, str, bool, bool]] = []

    # ── placeholders ─────────────────────────────────────────────────────────────────────────────

    def literal_until(self, end: int) -> None:
        if end > self.done:
            self.found.pieces.append(self.text[self.done : end])
        self.done = end

    def placeholder(self, quote: Quote) -> bool:
        match = PLACEHOLDER.match(self.text, self.at)
        if not match:
            return False
        self.literal_until(self.at)
        slot = Slot(match[1], quote, self.at, in_function=self.functions > 0)
        self.found.slots.append(slot)
        self.found.pieces.append(slot)
        self.at = self.done = match.end()
        return True

    def refuse_within(self, start: int, end: int, reason: str) -> None:
        for match in PLACEHOLDER.finditer(self.text, start, end):
            self.found.refusals.append((match.start(), reason.format(match[0])))

    # ── commands ─────────────────────────────────────────────────────────────────────────────────

    def code(self, closer: str) -> None:
        """Read commands up to `closer` (")" or the end of the text)."""
        _Frame(self, closer).read()

    def bodies(self) -> None:
        """The here-documents that begin after this newline."""
        for command, delimiter, strip, literal in self.heredocs:
            start = self.at
            while self.at < len(self.text):
                end = self.text.find("\n", self.at)
                end = len(self.text) if end < 0 else end
                line = self.text[self.at : end]
                body_end, self.at = self.at, min(end + 1, len(self.text))
                if (line.lstrip("\t") if strip else line) == delimiter:
                    break
            else:
                body_end = self.at
            self.refuse_within(start, body_end, "{} stands in a here-document: pass it as an argument")
            if not literal:
                command.here += self.apart(self.text[start:body_end], start, code=False)
        self.heredocs.clear()

    # ── words ────────────────────────────────────────────────────────────────────────────────────

    def word(self) -> Word:
        start, slots, names = self.at, len(self.found.slots), len(self.found.names)
        text: list[str] = []
        quoted_any = False
        while self.at < len(self.text) and self.text[self.at] not in _META:
            ch = self.text[self.at]
            if self.placeholder(""):
                text.append(SLOT)
            elif ch == "\\":
                if PLACEHOLDER.match(self.text, self.at + 1):
                    self.found.refusals.append(
                        (self.at, "a backslash stands before a placeholder: remove it")
                    )
                text.append(self.text[self.at + 1 : self.at + 2].replace("\n", ""))
                self.at = min(self.at + 2, len(self.text))
                quoted_any = True
            elif ch == "'":
                text.append(self.single())
                quoted_any = True
            elif ch == '"':
                text.append(self.double())
                quoted_any = True
            else:
                text.append(self.plain(in_double=False))
        return Word("".join(text), start, self.found.slots[slots:], self.found.names[names:], quoted_any)

    def single(self) -> str:
        self.at += 1
        text: list[str] = []
        while self.at < len(self.text) and self.text[self.at] != "'":
            if self.placeholder("'"):
                text.append(SLOT)
            else:
                text.append(self.text[self.at])
                self.at += 1
        self.at += 1
        return "".join(text)

    def double(self, closer: str = '"') -> str:
        """What stands in double quotes; with no `closer`, all of a here-document."""
        self.at += len(closer)
        text: list[str] = []
        while self.at < len(self.text) and self.text[self.at] != closer:
            if self.placeholder('"'):
                text.append(SLOT)
            elif self.text[self.at] == "\\":
                if PLACEHOLDER.match(self.text, self.at + 1):
                    self.found.refusals.append(
                        (self.at, "a backslash stands before a placeholder: remove it")
                    )
                text.append(self.text[self.at + 1 : self.at + 2])
                self.at += 2
            else:
                text.append(self.plain(in_double=True))
        self.at += 1
        return "".join(text)

    def plain(self, *, in_double: bool) -> str:
        """One character, or one expansion, that is not a quote."""
        ch = self.text[self.at]
        if ch == "`":
            return self.backticks()
        if ch == "$":
            return self.expansion(in_double=in_double)
        self.at += 1
        return ch

    def backticks(self) -> str:
        start = self.at
        self.at += 1
        while self.at < len(self.text) and self.text[self.at] != "`":
            self.at += 2 if self.text[self.at] == "\\" else 1
        self.at = min(self.at + 1, len(self.text))
        self.refuse_within(start, self.at, "{} stands in backticks: write $(...) instead")
        inner = re.sub(r"\\([\\`$])", r"\1", self.text[start + 1 : self.at].removesuffix("`"))
        self.found.names += self.apart(inner, start, code=True)
        return EXPANSION

    def apart(self, text: str, at: int, *, code: bool) -> list[str]:
        """Read text that holds commands of its own but no placeholders: backticks (`code`), or a
        here-document. Its commands join the others, as if they stood at `at`; returns the variables."""
        lexer = _Lexer(PLACEHOLDER.sub("", text))
        if code:
            lexer.code("")
        else:
            lexer.double(closer="")
        for command in lexer.found.commands:
            for word in (*command.words, *command.targets):
                word.at = at
        self.found.commands += lexer.found.commands
        self.found.arithmetic += [(at, inner) for _, inner in lexer.found.arithmetic]
        self.found.dialects += [(at, why) for _, why in lexer.found.dialects]
        return lexer.found.names

    def expansion(self, *, in_double: bool) -> str:
        rest = self.text[self.at : self.at + 3]
        if rest.startswith("$(("):
            self.balanced(
                2, "(", ")", "{} stands in arithmetic, which evaluates its operands", arithmetic=True
            )
        elif rest.startswith("$("):
            self.at += 2
            self.code(")")
        elif rest.startswith("${"):
            name = _NAME.match(self.text, self.at + 2)
            self.found.names.append(name[0] if name else "")
            self.balanced(2, "{", "}", "{} stands inside ${{...}}: assign it to a variable first")
        elif rest.startswith("$["):
            self.balanced(
                1, "[", "]", "{} stands in arithmetic, which evaluates its operands", arithmetic=True
            )
        elif rest.startswith("$'") and not in_double:
            self.found.dialects.append(
                (self.at, "$'...' means different things to different shells: use '...'")
            )
            self.at += 1
        elif name := _NAME.match(self.text, self.at + 1):
            self.found.names.append(name[0])
            self.at = name.end()
        else:
            self.positional()
        return EXPANSION

    def positional(self) -> None:
        """`$1`, `$@`, `$?` or a lone dollar."""
        sign = self.text[self.at + 1 : self.at + 2]
        if sign and sign in "@*0123456789":
            self.found.names.append(sign)
        self.at += 2 if sign and sign in "@*#?-$!0123456789" else 1

    def balanced(self, skip: int, opener: str, closer: str, reason: str, *, arithmetic: bool = False) -> None:
        """Pass over `${...}` or `$((...))`; what is quoted inside does not count."""
        start, depth = self.at, 0
        self.at += 1
        while self.at < len(self.text):
            ch = self.text[self.at]
            if match := PLACEHOLDER.match(self.text, self.at):
                self.at = match.end()
                continue
            if ch == "`":
                self.backticks()
                continue
            if self.text.startswith("$(", self.at) and not self.text.startswith("$((", self.at):
                self.at += 2
                self.code(")")
                continue
            if ch == "\\":
                self.at += 1
            elif ch == "'" and not arithmetic:
                end = self.text.find("'", self.at + 1)
                self.at = end if end > 0 else self.at
            depth += (ch == opener) - (ch == closer)
            self.at += 1
            if depth == 0:
                break
        self.at = min(self.at, len(self.text))
        self.refuse_within(start, self.at, reason)
        inner = self.text[start + skip : self.at]
        if opener == "{" and _EVALUATED.match(inner):  # ${a[n]}, ${a:n} and ${!n} of bash
            self.found.arithmetic.append((start, inner))
        self.found.names += re.findall(r"\$\{?([A-Za-z_]\w*|[@*0-9])", inner)
        if arithmetic:
            self.found.arithmetic.append((start, inner))


class _Frame:
    """One level of commands: the whole script, a subshell, or the inside of `$(...)`."""

    def __init__(self, lexer: _Lexer, closer: str) -> None:
        self.lex = lexer
        self.closer = closer
        self.cases = 0
        self.braces: list[bool] = []
        self.function_next = False
        self.pipe_start = (len(lexer.found.slots), len(lexer.found.names))
        self.command = SimpleCommand(lexer.at)

    def read(self) -> None:
        lex = self.lex
        while lex.at < len(lex.text):
            ch = lex.text[lex.at]
            if ch in " \t":
                lex.at += 1
            elif lex.text.startswith("\\\n", lex.at):
                lex.at += 2
            elif ch == "\n":
                lex.at += 1
                lex.bodies()
                self.end()
            elif ch == "#":
                end = lex.text.find("\n", lex.at)
                lex.at = len(lex.text) if end < 0 else end
            elif ch in ";&|":
                self.operator(ch)
            elif ch in "<>":
                self.redirection()
            elif ch == "(":
                self.open()
            elif ch == ")":
                if self.close():
                    return
            else:
                self.take(lex.word())
        self.end()

    def end(self, *, piped: bool = False) -> None:
        """The command is complete; the next one begins, fed by it when `piped`."""
        found = self.lex.found
        if self.command.words or self.command.targets:
            found.commands.append(self.command)
        elif piped:
            self.pipe_start = (0, 0)
        self.command = SimpleCommand(self.lex.at)
        if piped:
            self.command.piped_slots = found.slots[self.pipe_start[0] :]
            self.command.piped_names = found.names[self.pipe_start[1] :]
        else:
            self.pipe_start = (len(found.slots), len(found.names))

    def operator(self, ch: str) -> None:
        lex = self.lex
        doubled = lex.text.startswith(ch * 2, lex.at)
        if ch == "&" and lex.text.startswith("&>", lex.at):
            lex.at += 1
            return
        lex.at += 2 if doubled else 1
        self.end(piped=ch == "|" and not doubled)

    def redirection(self) -> None:
        lex = self.lex
        heredoc = re.compile(r"<<(?!<)(-?)[ \t]*").match(lex.text, lex.at)
        if heredoc:
            lex.at = heredoc.end()
            word = lex.word()
            for slot in word.slots:
                lex.found.refusals.append((slot.at, f"{{{{{slot.name}}}}} names the end of a here-document"))
            lex.heredocs.append((self.command, word.text, bool(heredoc[1]), word.quoted))
            return
        operator = re.compile(r"<<<|<>|[<>]&|>>|>\||[<>]").match(lex.text, lex.at)
        assert operator
        lex.at = operator.end()
        blanks = re.compile(r"[ \t]*").match(lex.text, lex.at)
        lex.at = blanks.end() if blanks else lex.at
        if lex.at < len(lex.text) and lex.text[lex.at] not in _META:
            self.command.targets.append(lex.word())

    def open(self) -> None:
        """`(`: a function's parentheses, a bash arithmetic command, or a subshell."""
        lex = self.lex
        empty = re.compile(r"\([ \t]*\)").match(lex.text, lex.at)
        if empty and len(self.command.words) == 1:
            lex.at = empty.end()
            self.command = SimpleCommand(lex.at)
            self.function_next = True
        elif lex.text.startswith("((", lex.at) and (not self.command.words or self.command.kind == "for"):
            lex.at -= 1
            lex.balanced(
                2, "(", ")", "{} stands in arithmetic, which evaluates its operands", arithmetic=True
            )
        else:
            function, self.function_next = self.function_next, False
            lex.functions += function
            lex.at += 1
            lex.code(")")
            lex.functions -= function

    def close(self) -> bool:
        """`)`: the end of a case pattern, or of this frame (then True)."""
        self.lex.at += 1
        if self.cases:
            self.command.kind = "pattern"
            self.end()
            return False
        if not self.closer:
            return False
        self.end()
        return True

    def take(self, word: Word) -> None:
        lex, command = self.lex, self.command
        if word.text.isdigit() and not word.quoted and lex.text[lex.at : lex.at + 1] in ("<", ">"):
            return
        if command.kind == "case" and word.text == "in" and not word.quoted:
            command.words.append(word)
            self.end()
            return
        if not command.words and not word.quoted and self.keyword(word.text):
            return
        command.words.append(word)

    def keyword(self, text: str) -> bool:
        """A reserved word where a command may begin; False when it is none, or stays in the words."""
        if text in _OPENERS:
            return True
        if text == "{":
            self.braces.append(self.function_next)
            self.lex.functions += self.function_next
            self.function_next = False
            return True
        if text == "}" and self.braces:
            self.lex.functions -= self.braces.pop()
            return True
        if text == "esac":
            self.cases = max(0, self.cases - 1)
            return True
        if text == "function":
            self.function_next = True
            self.lex.at = (
                m.end()
                if (m := re.compile(r"[ \t]+[\w-]+[ \t]*(\(\))?").match(self.lex.text, self.lex.at))
                else self.lex.at
            )
            return True
        if text in ("for", "select"):
            self.command.kind = "for"
        elif text == "case":
            self.command.kind = "case"
            self.cases += 1
        return False
