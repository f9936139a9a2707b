"""What a run was asked for, and what a target's own file of options says."""

import argparse
import configparser
import pathlib
import secrets

# What holds for a target that says nothing else in fuzz/TARGET.options.
LIMITS = {"max_len": 16384, "timeout": 10, "rss_limit_mb": 2048, "malloc_limit_mb": 1024}


class Trouble(Exception):
    """The run itself went wrong: exit status 2."""


def hours(text):
    """A positive number of hours."""
    value = float(text)
    if not 0 < value <= 1000:
        raise argparse.ArgumentTypeError("wants hours above 0 and up to 1000")
    return value


def count(text):
    """A whole number, 1 or more."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("wants 1 or more")
    return value


def parse(description, root, arguments=None):
    """The command line. `root` is the tree the script lies in."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=hours, metavar="H", default=8.0, help="hours of fuzzing, building aside (default 8)")
    parser.add_argument("--jobs", type=count, metavar="J", default=2, help="fuzzers or compilers at once (default 2)")
    parser.add_argument("--targets", metavar="A,B", help="only these of fuzz/ (default all)")
    parser.add_argument("--seed", type=count, metavar="S", help="the seed of all slices (default: drawn, and printed)")
    parser.add_argument("--resume", action="store_true", help="go on with the run that was stopped or killed")
    parser.add_argument("--dry-run", action="store_true", help="print what would be done, and end")
    parser.add_argument("--out", type=pathlib.Path, metavar="DIR", help="folder of the report (default fuzz-report)")
    parser.add_argument("--commit-corpus", action="store_true",
                        help="at the end, add what reaches more to fuzz/corpus, within 200 files and 1 MiB a target")
    parser.add_argument("--record-coverage", action="store_true",
                        help="at the end, write the coverage that fuzz/corpus reaches to fuzz/coverage.json, below which later runs fail")
    parser.add_argument("--root", type=pathlib.Path, metavar="FOLDER", default=root, help="another tree of the same layout")
    options = parser.parse_args(arguments)
    options.root = options.root.resolve()
    options.out = (options.out or options.root / "fuzz-report").resolve()
    options.fixed_seed = options.seed is not None
    if options.seed is None:
        options.seed = secrets.randbelow(2**31 - 2) + 1
    return options


def read_target_options(path):
    """The limits and sanitizer options of fuzz/TARGET.options, in the format of OSS-Fuzz: a section [libfuzzer] of
    flags, and [asan], [ubsan] of runtime options. Returns (limits, {"asan": ..., "ubsan": ...})."""
    limits, runtimes = dict(LIMITS), {}
    if path.is_file():
        parser = configparser.ConfigParser()
        try:
            parser.read_string(path.read_text())
            limits.update((key, int(value)) for key, value in parser.items("libfuzzer") if key != "dict")
        except (configparser.Error, ValueError) as error:
            raise Trouble(f"{path}: {error}") from error
        for name in ("asan", "ubsan"):
            if parser.has_section(name):
                runtimes[name] = ":".join(f"{key}={value}" for key, value in parser.items(name))
    return limits, runtimes
