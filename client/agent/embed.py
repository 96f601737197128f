#!/usr/bin/env python3
"""Writes the templates of 'cmaw agent new' as C: embed.py FOLDER AGENT-ROOTFS > templates.c. FOLDER has a folder for each language, and "all"."""
import pathlib
import sys


def row(lang, path, file):
    content = file.read_bytes()
    mode = "0755" if file.stat().st_mode & 0o111 else "0644"
    return f'    {{"{lang}", "{path}", {mode}, (const uint8_t[]){{{",".join(map(str, content)) or "0"}}}, {len(content)}}},'


def main():
    folder, rootfs = map(pathlib.Path, sys.argv[1:])
    rows = [row(lang.name, file.relative_to(lang).as_posix(), file)
            for lang in sorted(folder.iterdir()) for file in sorted(lang.rglob("*")) if file.is_file()]
    print('#include "client/agent/template.h"\n\nconst struct cmaw_template_file cmaw_template_files[] = {')
    print("\n".join([*rows, row("python", "agent-rootfs", rootfs), "    {NULL, NULL, 0, NULL, 0},\n};"]))


if __name__ == "__main__":
    main()
