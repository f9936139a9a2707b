"""What a comparison was asked for."""

import argparse
import pathlib
import shlex

from engines import Trouble

EPILOG = """A peer is the llama-bench of llama.cpp, ik_llama.cpp or another that speaks like them, built for this machine. Its
options -fa (flash attention) and -rtr (repacking), where it has them and you do not give them, are tried both ways and
the faster is kept, test by test. It runs with as many threads as Prumo, both with an F16 cache.

Examples:
  scripts/compare --peer llama.cpp=../llama.cpp/build/bin/llama-bench -m model.gguf
  scripts/compare --peer "ik=ik/llama-bench -rtr 1" --peer lc=lc/llama-bench \\
      --synthetic 135M=576x30:9:3:1536:49152:Q4_K_M:tied -p 2,4,8,16,128 -n 32 -t 1,2
  scripts/compare --render build/compare/compare.json --readme"""


def whole_numbers(least):
    def parse(text):
        try:
            values = [int(word) for word in text.split(",")]
        except ValueError:
            values = [-1]
        if not values or min(values) < least or max(values) > 1 << 20:
            raise argparse.ArgumentTypeError(f"{text!r}: wants whole numbers from {least}, separated by commas")
        return list(dict.fromkeys(values))
    return parse


def count(text):
    value = int(text) if text.isdigit() else 0
    if not 1 <= value <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r}: wants a whole number from 1 to 1000")
    return value


def parser(description, root):
    out = argparse.ArgumentParser(prog="scripts/compare", description=description, epilog=EPILOG,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
    add = out.add_argument
    add("--peer", action="append", default=[], metavar="NAME=PATH [OPTION...]", help="a peer; again for each")
    add("-m", "--model", action="append", default=[], metavar="[NAME=]FILE", help="a GGUF file; again for each")
    add("--synthetic", action="append", default=[], metavar="[NAME=]SHAPE",
        help="a model of random weights, as 'prumo bench --synthetic' has it; again for each")
    add("-p", "--prompt", type=whole_numbers(0), default=[128], metavar="LIST", help="tokens of a prompt; 0: none (128)")
    add("-n", "--gen", type=whole_numbers(0), default=[32], metavar="LIST", help="tokens written; 0: none (32)")
    add("-d", "--depth", type=whole_numbers(0), default=[0], metavar="LIST", help="tokens already in the context (0)")
    add("-t", "--threads", type=whole_numbers(1), default=[1, 2], metavar="LIST", help="threads (1,2)")
    add("--rounds", type=count, default=4, metavar="N", help="times that each engine has its turn (4)")
    add("-r", "--repetitions", type=count, default=2, metavar="N", help="samples of a test in a turn (2)")
    add("--isa", default="", choices=["scalar", "avx2", "avx512"], help="Prumo's instruction set (the best)")
    add("--prefix", type=shlex.split, default=[], metavar="COMMAND",
        help="put before every engine's command, such as 'taskset -c 0,1'")
    add("--timeout", type=count, default=900, metavar="S", help="seconds that one process may take, at most 1000 (900)")
    add("--prumo", type=pathlib.Path, default=root / "build/release/prumo", metavar="PATH",
        help="the command (build/release/prumo); its folder must vouch for its tests")
    add("--out", type=pathlib.Path, default=root / "build/compare", metavar="FOLDER",
        help="where compare.json, compare.md and compare.svg go (build/compare)")
    add("--unproved", action="store_true", help="time a build whatever its tests say; all output says UNPROVED")
    add("--render", type=pathlib.Path, metavar="JSON", help="no run: table and plot of an earlier one")
    add("--readme", action="store_true",
        help="also put the table into README.md and the figures into bench/compare.json and bench/compare.svg")
    return out


def named(text, default):
    """(name, rest) of "NAME=REST"; a name has no slash and no colon, so a path or a shape is no name."""
    name, equals, rest = text.partition("=")
    if equals and name and rest and not set("/:") & set(name):
        return name, rest
    return default(text), text


def check(options):
    if options.render:
        return
    if not options.peer:
        raise Trouble("No peer: give --peer NAME=PATH of a llama-bench.")
    if not options.model and not options.synthetic:
        raise Trouble("No model: give -m FILE or --synthetic SHAPE.")
    if not any(options.prompt + options.gen):
        raise Trouble("Nothing to measure: -p and -n are both 0.")
    for text in options.model:
        path = named(text, str)[1]
        if not pathlib.Path(path).is_file():
            raise Trouble(f"-m {path}: there is no such file.")
