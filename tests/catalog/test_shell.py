"""The placeholder compiler: what it makes of a script, and what it refuses."""

from __future__ import annotations

import pytest

from console.catalog.shell import ShellRefused, bare_args, compile_shell, refuse_args
from tests.catalog.shells import run

ACCEPTED = {
    "deploy.sh {{x}}": 'deploy.sh "$1"',
    "deploy.sh {{ x }} {{y}} {{x}}": 'deploy.sh "$1" "$2" "$1"',
    'echo "a {{x}}" b': 'echo "a ${1}" b',
    "echo 'a {{x}}' b": "echo 'a '\"$1\"'' b",
    "psql mydb < {{x}} > out": 'psql mydb < "$1" > out',
    "# about {{x}}\ncat {{x}}": '# about {{x}}\ncat "$1"',
    "v={{x}}; echo $v": 'v="$1"; echo $v',
    'out=$(cat {{x}} | wc -l) && echo "$out"': 'out=$(cat "$1" | wc -l) && echo "$out"',
    'echo "$(cat "{{x}}")"': 'echo "$(cat "${1}")"',
    "for i in 1 2; do grep -- {{x}} f$i; done": 'for i in 1 2; do grep -- "$1" f$i; done',
    'case {{x}} in a) echo a;; *) echo "{{x}}";; esac': 'case "$1" in a) echo a;; *) echo "${1}";; esac',
    'if [ -n "{{x}}" ]; then cat {{y}}; fi': 'if [ -n "${1}" ]; then cat "$2"; fi',
    "set -euo pipefail\nrm -f {{x}}": 'set -euo pipefail\nrm -f "$1"',
    "docker ps --format '{{.Names}}' -f name={{x}}": "docker ps --format '{{.Names}}' -f name=\"$1\"",
    "awk '{print $1}' {{x}}": "awk '{print $1}' \"$1\"",
    "awk -v n={{x}} 'NR < n' f": "awk -v n=\"$1\" 'NR < n' f",
    "sh -c 'echo \"$1\"' sh {{x}}": 'sh -c \'echo "$1"\' sh "$1"',
    "python3 -c 'import sys' {{x}}": "python3 -c 'import sys' \"$1\"",
    "sed -n 1,5p {{x}}": 'sed -n 1,5p "$1"',
    "sed -e s/a/b/ {{x}}": 'sed -e s/a/b/ "$1"',
    "ssh {{x}} uptime": 'ssh "$1" uptime',
    "ssh -p {{x}} host uptime": 'ssh -p "$1" host uptime',
    "cat <<'EOF' > f\nno value here\nEOF\nmv f {{x}}": "cat <<'EOF' > f\nno value here\nEOF\nmv f \"$1\"",
    'eval "$(ssh-agent)"; ssh-add {{x}}': 'eval "$(ssh-agent)"; ssh-add "$1"',
    "n=$((1 + 2)); head -n $n {{x}}": 'n=$((1 + 2)); head -n $n "$1"',
    'echo "it is \\"{{x}}\\""': 'echo "it is \\"${1}\\""',
    "timeout {{x}} sleep 1": 'timeout "$1" sleep 1',
    "env A={{x}} true": 'env A="$1" true',
    "echo a#{{x}}": 'echo a#"$1"',
    "rsync -e ssh a {{x}}": 'rsync -e ssh a "$1"',
    "tar -C {{x}} -xzf a": 'tar -C "$1" -xzf a',
    "gosu {{x}} ls": 'gosu "$1" ls',
    "at -f {{x}} now": 'at -f "$1" now',
    "python3.11 tool.py {{x}}": 'python3.11 tool.py "$1"',
    "(cd {{x}} && ls)": '(cd "$1" && ls)',
}

REFUSED = {
    "cat <<EOF\n{{x}}\nEOF": "here-document",
    "cat <<'EOF'\n{{x}}\nEOF": "here-document",
    "cat <<-EOF\n\t{{x}}\n\tEOF": "here-document",
    "cat <<{{x}}\nEOF": "here-document",
    "echo `cat {{x}}`": "backticks",
    'echo "`cat {{x}}`"': "backticks",
    "eval {{x}}": "eval",
    'eval "ls {{x}}"': "eval",
    'v={{x}}; eval "$v"': "eval",
    'v="a {{x}}"; w=$v; eval echo $w': "eval",
    "sh -c 'ls {{x}}'": "sh -c",
    'bash -lc "ls {{x}}"': "bash -lc",
    'v={{x}}; sh -c "ls $v"': "sh -c",
    "/bin/sh -ec 'ls {{x}}'": "sh -ec",
    "sudo sh -c 'ls {{x}}'": "sh -c",
    "su me -c 'ls {{x}}'": "su -c",
    "ssh host 'ls {{x}}'": "remote shell",
    "ssh host ls {{x}}": "remote shell",
    "ssh -o ProxyCommand={{x}} host": "remote shell",
    "ssh host <<EOF\nls $v\nEOF\nv={{x}}": "ssh",
    "echo a | xargs sh -c 'echo {{x}}'": "sh -c",
    "echo {{x}} | xargs -I{} sh -c 'echo {}'": "xargs",
    "find {{x}} -exec sh -c 'echo {}' \\;": "through {}",
    "echo $(( {{x}} + 1 ))": "arithmetic",
    "v={{x}}; echo $((v + 1))": "arithmetic",
    "v={{x}}; echo $(( $v + 1 ))": "arithmetic",
    "(( n = {{x}} ))": "arithmetic",
    "echo $[ {{x}} ]": "arithmetic",
    "{{x}} --version": "name of a command",
    "./bin/{{x}}": "name of a command",
    "sudo {{x}}": "name of a command",
    "sudo -u me {{x}}": "name of a command",
    "timeout 5 {{x}}": "name of a command",
    "v={{x}}; $v": "name of a command",
    "find . -exec {{x}} \\;": "name of a command",
    "PATH={{x}} ls": "what code runs",
    "export PATH={{x}}": "what code runs",
    "export {{x}}": "name a variable",
    "trap '{{x}}' EXIT": "trap",
    ". {{x}}": "evaluates",
    "source {{x}}": "source",
    "[[ {{x}} -eq 1 ]]": "[[",
    "echo {{x}} | sh": "piped into sh",
    "echo {{x}} | ssh host": "piped into ssh",
    "{ echo a; echo {{x}}; } | bash": "piped into bash",
    "v={{x}}; echo $v | sh": "fed to sh",
    "sh < {{x}}": "fed to sh",
    "sed 's/a/{{x}}/' f": "program text for sed",
    "sed -i -e s/a/{{x}}/ f": "program text for sed",
    "awk '/{{x}}/' f": "program text for awk",
    'awk -v n=1 "{{x}}" f': "program text for awk",
    "python3 -c 'print(\"{{x}}\")'": "program text for python3",
    "perl -ne 'print if /{{x}}/' f": "program text for perl",
    "echo ${v:-{{x}}}": "${...}",
    "f() { echo {{x}}; }; f": "in a function",
    "f() ( echo {{x}} )": "in a function",
    "set -- a b; echo {{x}}": "renumbers",
    "shift; echo {{x}}": "renumbers",
    "echo \\{{x}}": "backslash",
    "echo $'a' {{x}}": "different shells",
    "watch 'ls {{x}}'": "watch",
    "python3.11 -c 'print(\"{{x}}\")'": "program text for python3.11",
    "pypy3 -c {{x}}": "program text for pypy3",
    "lua5.4 -e {{x}}": "program text for lua5.4",
    "Rscript -e {{x}}": "program text for Rscript",
    "vim -c 'e {{x}}' f": "program text for vim",
    "env -S {{x}}": "option -S of env",
    "env --split-string='ls {{x}}'": "option --split-string of env",
    "env PATH={{x}} ls": "what code runs",
    "sudo LD_PRELOAD={{x}} ls": "what code runs",
    "rsync -e 'ssh -p {{x}}' a b": "option -e of rsync",
    "tar --to-command={{x}} -xf a": "option --to-command of tar",
    "tar --checkpoint-action=exec={{x}} -cf a b": "option --checkpoint-action of tar",
    "scp -o ProxyCommand={{x}} a b": "option -o of scp",
    "socat - SYSTEM:'ls {{x}}'": "an address of socat",
    "echo {{x}} | at now": "piped into at",
    "batch <<< {{x}}": "fed to batch",
    "pkexec {{x}}": "name of a command",
    "gosu me {{x}}": "name of a command",
    "taskset 1 python3 -c 'print({{x}})'": "program text for python3",
}


@pytest.mark.parametrize("script", ACCEPTED)
def test_a_placeholder_becomes_a_positional_parameter(script: str) -> None:
    assert compile_shell(script).script == ACCEPTED[script]


@pytest.mark.parametrize("script", REFUSED)
def test_a_placeholder_that_would_be_evaluated_is_refused(script: str) -> None:
    with pytest.raises(ShellRefused) as refused:
        compile_shell(script)
    assert REFUSED[script] in str(refused.value)


@pytest.mark.parametrize("script", REFUSED)
def test_the_same_script_without_placeholders_is_nobodys_business(script: str) -> None:
    plain = script.replace("{{x}}", "x")
    assert compile_shell(plain).script == plain


def test_every_reason_is_told_with_its_line() -> None:
    with pytest.raises(ShellRefused) as refused:
        compile_shell("set -e\neval {{a}}\necho `{{b}}`\n")
    assert [(r.line, r.reason.split()[0]) for r in refused.value.refusals] == [(1, "{{a}}"), (2, "{{b}}")]


def test_more_than_nine_parameters_keep_their_numbers() -> None:
    names = [f"p{n}" for n in range(12)]
    template = compile_shell("printf '%s,' " + " ".join(f"{{{{{name}}}}}" for name in names))
    answer = run("sh", template.argv({name: name.upper() for name in names})[1:])
    assert answer == "".join(f"{name.upper()}," for name in names)


@pytest.mark.parametrize(
    ("script", "bare"),
    [
        ("cmd {{x}}", True),
        ('cmd "{{x}}"', True),
        ("cmd '{{x}}'", True),
        ("cmd {{x}}.txt", True),
        ("cmd --opt={{x}}", False),
        ("cmd -- {{x}}", False),
        ("sudo -- cmd {{x}}", True),
        ("cmd a{{x}}", False),
        ('cmd "see {{x}}"', False),
        ("cmd < {{x}}", False),
        ("v={{x}}", False),
        ("A={{x}} cmd", False),
        ("[ {{x}} = a ]", False),
        ("printf '%s' {{x}}", False),
        ("printf {{x}}", True),
        ("true; cmd {{x}}", True),
        ("echo $(cmd {{x}})", True),
        ('cmd "${v}" {{x}}', True),
        ("case {{x}} in a) ;; esac", False),
    ],
)
def test_a_value_that_begins_an_argument_is_known(script: str, bare: bool) -> None:
    assert compile_shell(script).bare == ({"x"} if bare else set())


def test_a_process_given_as_a_list_follows_the_same_rules() -> None:
    assert bare_args("cp", ["{{a}}", "--", "{{b}}"]) == {"a"}
    refuse_args("python3", ["tool.py", "{{x}}"])
    for command, args in (("sh", ["-c", "ls {{x}}"]), ("ssh", ["host", "{{x}}"]), ("env", ["{{x}}"])):
        with pytest.raises(ShellRefused):
            refuse_args(command, args)


def test_a_simple_value_is_shown_plainly() -> None:
    template = compile_shell('bash deploy.sh {{env}} {{tag}} "to {{env}}"')
    assert (
        template.display({"env": "production", "tag": "v2.3.1"})
        == 'bash deploy.sh production v2.3.1 "to production"'
    )
