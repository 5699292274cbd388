"""What an answer becomes: a result, files, and no more of them than anybody wants."""

from __future__ import annotations

from pathlib import Path

from mcp_types import CallToolResult, ImageContent, TextContent

from console.runners.mcp_result import FILES, MAX_FILES, read_result


def test_an_answer_of_very_many_files_is_kept_in_part_and_says_so(tmp_path: Path) -> None:
    images = [ImageContent(type="image", data="AAEC", mime_type="image/png")] * (MAX_FILES + 2_000)
    result = read_result(CallToolResult(content=[*images, TextContent(type="text", text="end")]), tmp_path)
    lines = result.text.splitlines()
    assert len(list((tmp_path / FILES).iterdir())) == MAX_FILES
    assert lines[MAX_FILES - 1 : MAX_FILES + 1] == [
        str(tmp_path / FILES / f"{MAX_FILES}.png"),
        f"(image/png that is left out: more than {MAX_FILES} files)",
    ]
    assert lines[-1] == "end"
