"""No value is ever run, whatever it is and wherever an accepted script puts it: tried with real shells."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from console.catalog.shell import ShellRefused, compile_shell
from tests.catalog.shells import SHELLS, run

RUNS = ("touch CANARY", "id>CANARY", ">CANARY")
WRAPS = (
    "$({})",
    "`{}`",
    "; {} ;",
    "' ; {} ; '",
    '" ; {} ; "',
    "\n{}\n",
    "| {}",
    "&& {}",
    "& {} &",
    "a[$({})]",
    "$(({}))",
    "${{x:-$({})}}",
    "'$({})'",
    '"$({})"',
    "\\$({})",
    "'\"$({})\"'",
    "#\n{}",
    "EOF\n{}\n",
    "x' $({}) 'x",
    "){} #",
    "}}; {} #",
    "$'\\n{}'",
    "{{{{x}}}}$({})",
    "*;{}",
    "/e;{}",
    "1e {}",
    "x=$({})",
)
hostile = st.builds(
    lambda wraps, run: "".join(wrap.format(run) for wrap in wraps),
    st.lists(st.sampled_from(WRAPS), min_size=1, max_size=3),
    st.sampled_from(RUNS),
)
anything = st.one_of(
    hostile,
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20),
    st.text("'\"`$\\{}() \n;&|<>#*?[]~!-=", max_size=12),
)


def _each(template_script: str, names: int = 1) -> str:
    """A script that runs the template's script for every argument, in one process."""
    again = " ".join(['"$v"'] * names)
    return f'one() {{\n{template_script}\n}}\nfor v in "$@"; do one {again}; done'


@pytest.mark.parametrize("shell", SHELLS)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(anything, min_size=100, max_size=200))
def test_a_value_arrives_as_it_is_in_every_kind_of_quotes(
    shell: str, values: list[str], tmp_path: Path
) -> None:
    template = compile_shell(
        """printf '%s\\001' {{x}} "{{x}}" '{{x}}' a"b {{x}}"'c {{x}}'"$(printf '%s|' "{{x}}")" """
    )
    values = [v.replace("\1", "") for v in values]
    said = run(shell, ["-c", _each(template.script), "sh", *values], tmp_path)
    expected = [text for v in values for text in (v, v, v, f"ab {v}c {v}{v}|")]
    assert said.split("\1")[:-1] == expected
    assert not (tmp_path / "CANARY").exists()


RUNNABLE = [
    "echo {{x}}",
    'echo "{{x}}"',
    "echo 'a{{x}}'",
    "v={{x}}; echo $v",
    'v="{{x}}"; echo "${v#a}" ${v:-b}',
    'echo "$(echo {{x}})"',
    "cat < {{x}}",
    'case {{x}} in a*) echo {{x}};; *) echo "{{x}}" ;; esac',
    "for i in {{x}} b; do echo $i; done",
    "echo {{x}} | tr a b | cat",
    "test -n {{x}} && echo yes",
    "[ {{x}} = b ] || printf '%s' {{x}}",
    "while read -r l; do echo $l; done < {{x}}",
    "echo {{x}} # {{x}} ' \"",
    "if echo {{x}} | grep -qF -- {{x}}; then echo {{x}}; fi",
    "(echo {{x}}; echo $?)",
    "{ echo {{x}}; } 2>&1",
    "sh -c 'echo \"$1\"' sh {{x}}",
    "awk -v v={{x}} 'BEGIN {print v}'",
    "env A={{x}} sh -c 'echo $A'",
    "printf '%s\\n' {{x}} | xargs -0 echo",
    "find . -maxdepth 0 -name {{x}}",
    "export A={{x}}; printenv A",
    "cat <<'EOF'\n$(id)\nEOF\necho {{x}}",
]


@pytest.mark.parametrize("script", RUNNABLE)
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(hostile, min_size=60, max_size=120))
def test_no_hostile_value_is_ever_run(script: str, values: list[str], tmp_path: Path) -> None:
    template = compile_shell(script)
    for shell in SHELLS[:2]:
        run(shell, ["-c", _each(template.script), "sh", *values], tmp_path)
        assert not (tmp_path / "CANARY").exists()


_LEAF = st.sampled_from(
    [
        "echo {{x}}",
        'echo "{{x}}"',
        "echo '{{x}}'",
        "v={{x}}",
        "echo $v",
        'echo "$v"',
        'eval "$v"',
        "eval echo {{x}}",
        "eval echo $v",
        "w=$v",
        'eval "$w"',
        "sh -c {{x}}",
        'sh -c "echo $v"',
        "sh -c 'echo {{x}}'",
        "echo $((v))",
        "echo {{x}} | sh",
        'echo "$v" | sh',
        "echo ok",
        "x=1 echo {{x}}",
        "{{x}}",
        "$v",
        "read r <<E\n$v\nE",
        'eval "$r"',
        "sed 's/a/{{x}}/e' f",
        "trap {{x}} EXIT",
        ": > {{x}}.f",
        "let v",
        "alias a={{x}}",
        "export w={{x}}",
        "exec {{x}}",
        "env {{x}}",
        "sh <<E\n$v\nE",
        "sh <<'E'\n$v\nE",
        "xargs {{x}}",
        "unset {{x}}",
        "printf {{x}}",
        "test {{x}} -eq 1",
        "echo {{x}} | { read r; eval $r; }",
        "awk 'BEGIN{system(\"{{x}}\")}'",
        "set -- {{x}}",
        'eval "$1"',
        'eval "$@"',
    ]
)
_BASHISMS = st.sampled_from(
    [
        "echo ${y:v}",
        "echo ${a[v]}",
        "a[v]=1",
        "a[{{x}}]=1",
        "declare -i n=v",
        "declare -i n={{x}}",
        "[ -v {{x}} ]",
        "echo ${!v}",
        "for ((i=v;i<1;i++)); do :; done",
        "[[ v -eq 1 ]]",
        'test -v "$v"',
        "printf -v $v a",
        "n=$[v]",
        "read $v <<E\n1\nE",
        "unset $v",
        "((v))",
        "echo $((a[v]))",
        "let n=v",
        "echo ${@:v}",
        "export $v",
        "mapfile $v",
    ]
)
_SCRIPT = st.recursive(
    _LEAF | _BASHISMS,
    lambda inner: st.one_of(
        st.builds("{}; {}".format, inner, inner),
        st.builds("{}\n{}".format, inner, inner),
        st.builds("{} && {}".format, inner, inner),
        st.builds("({}\n)".format, inner),
        st.builds("{{ {}\n}}".format, inner),
        st.builds('echo "$({}\n)"'.format, inner),
        st.builds("v=$({}\n)".format, inner),
        st.builds("w=`{}`".format, inner),
        st.builds("if true; then {}\nfi".format, inner),
        st.builds("for v in 1 {{{{x}}}}; do {}\ndone".format, inner),
        st.builds("case a in a) {}\n;; esac".format, inner),
        st.builds('echo "$(case a in a) {}\n;; esac)"'.format, inner),
        st.builds("f() {{ {}\n}}; f {{{{x}}}}".format, inner),
        st.builds("cat <<E\n{}\nE\n".format, inner),
        st.builds("{} # it's \"\n".format, inner),
    ),
    max_leaves=5,
)


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    script=_SCRIPT,
    value=st.sampled_from(["touch CANARY", "$(touch CANARY)", "a[$(touch CANARY)]", "'; touch CANARY; '"]),
)
@example(script='v=$(echo {{x}}\n); eval "$v"', value="touch CANARY")
@example(script='v=1; w={{x}}; v=$w; sh -c "$v"', value="touch CANARY")
def test_what_is_accepted_never_runs_a_value(script: str, value: str) -> None:
    try:
        template = compile_shell(script)
    except ShellRefused:
        return
    assert value not in template.script
    with TemporaryDirectory() as folder:
        for shell in SHELLS:
            run(shell, template.argv(dict.fromkeys(template.names, value))[1:], Path(folder))
            assert not Path(folder, "CANARY").exists()


@settings(max_examples=30, deadline=None)
@given(values=st.lists(anything, min_size=20, max_size=60))
def test_what_is_shown_means_what_runs(values: list[str]) -> None:
    template = compile_shell("""printf '%s\\001' {{x}} a"b {{x}}" 'c {{x}}' d={{x}}""")
    values = [v.replace("\1", "") for v in values]
    said = run("sh", ["-c", "\n".join(template.display({"x": v}) for v in values)])
    assert said.split("\1")[:-1] == [text for v in values for text in (v, f"ab {v}", f"c {v}", f"d={v}")]


@settings(max_examples=300, deadline=None)
@given(
    parts=st.lists(
        st.sampled_from(
            [*"ab{}()$\"'`\\\n;|&<># =", "{{x}}", "$((", "<<E\n", "\nE\n", "case ", " in ", "esac"]
        )
    )
)
def test_any_text_is_compiled_or_refused(parts: list[str]) -> None:
    script = "".join(parts)
    try:
        template = compile_shell(script)
    except ShellRefused:
        return
    assert "".join(p if isinstance(p, str) else f"{{{{{p.name}}}}}" for p in template.pieces) == script
