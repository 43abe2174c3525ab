"""The language of custom rules as tables, for docs/custom-rules.md."""

from scanner.custom import reference


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def functions() -> str:
    rows = [f"| `{c.form}` | {c.gives} | {_cell(c.says)} |\n" for c in reference.calls()]
    return "| call | gives | what |\n| --- | --- | --- |\n" + "".join(rows)


def names() -> str:
    rows = []
    for subject in reference.SUBJECTS:
        found = ", ".join(f"`{field.name}` {field.kind}" for field in reference.roots(subject))
        rows.append(f"| {subject} | {found} |\n")
    return "| rule about | names |\n| --- | --- |\n" + "".join(rows)


def model() -> str:
    found = []
    for part in reference.models():
        rows = [
            f"| `{field.name}` | {field.kind}{' or null' if field.nullable else ''} "
            f"| {f'`{field.fact}`' if field.fact else ''} |\n"
            for field in part.fields
        ]
        head = f"### {part.name}\n\n| field | kind | the engine's name |\n| --- | --- | --- |\n"
        found.append(head + "".join(rows))
    return "\n".join(found)
