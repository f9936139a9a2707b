"""What a failure is, read from the log that it left: its kind, its message, the top of its stack."""

import dataclasses
import re

KINDS = {"crash": "crash", "leak": "leak", "timeout": "hang", "oom": "memory"}  # libFuzzer's artifact -> ours
FRAME = re.compile(r"^\s*#\d+ 0x[0-9a-f]+ in (.+?)(?: (\S+?:\d+(?::\d+)?)| \(\S+\).*)?$")
# Frames that are the machinery's, not the fault's.
MACHINERY = re.compile(
    r"^(fuzzer::|__sanitizer|__asan|__lsan|__ubsan|__interceptor|__GI_|__libc|__assert|raise\b|abort\b|gsignal|"
    r"operator new|operator delete|malloc\b|calloc\b|realloc\b|free\b|_start\b|main\b|mem(cpy|move|set|cmp)\b|"
    r"std::|__gnu_cxx::|prumo::fuzz::fail\b)")
ENTRY = "LLVMFuzzerTestOneInput"


@dataclasses.dataclass(frozen=True)
class Signature:
    """Equal signatures are one bug, as far as a log can tell."""
    kind: str
    message: str
    frames: tuple


def strip(function):
    """The name of a function without its arguments, template arguments and clones' suffixes."""
    name = function.replace("(anonymous namespace)::", "")
    while (shorter := re.sub(r"<[^<>]*>", "", name)) != name:
        name = shorter
    name = name.split("(", 1)[0].strip()
    name = re.sub(r"(\.(constprop|isra|part|cold|llvm)\.?\d*)+$", "", name)
    return name if name.startswith("operator ") else name.rsplit(" ", 1)[-1]  # no return type


def frames_of(log):
    """The functions of the first stack in a log, the machinery's left out, innermost first, no further than the entry."""
    frames, inside = [], False
    for line in log:
        found = FRAME.match(line)
        if not found:
            if inside and frames:
                break
            continue
        inside = True
        name = strip(found[1])
        if name and not MACHINERY.match(name):
            place = found[2] or ""
            frames.append((name, re.sub(r":\d+(:\d+)?$", "", place).rsplit("/", 1)[-1]))
        if name == ENTRY:
            break
    return frames


def steady(message):
    """A message without what changes from input to input."""
    message = re.sub(r"^\S*/(?=\S+:\d+: )", "", message)
    message = re.sub(r"'[^']*'(?: '[^']*')*", "'...'", message)  # words of the input
    message = re.sub(r"^==\d+==\s*", "", message)
    message = re.sub(r" \[isas:.*$", "", message)
    message = re.sub(r"^(\S+?\.(?:cpp|h|cc|hpp):\d+)", lambda m: m[1].replace(":", "\0"), message)
    message = re.sub(r"0x[0-9a-fA-F]+|(?<![\0\w])-?(\d+(\.\d*)?(e[-+]?\d+)?|inf|nan)\b", "N", message)
    message = re.sub(r"\b[0-9a-f]{8}\b", "N", message)  # bits
    return message.replace("\0", ":")[:200]


MESSAGES = (
    re.compile(r"(runtime error: .*)"),
    re.compile(r"^(\S+\.(?:cpp|h|cc|hpp):\d+: .*)"),
    re.compile(r"ERROR: ((?:Address|Memory|UndefinedBehavior)Sanitizer: [\w-]+)"),
    re.compile(r"^(?:==\d+==)?\s*(\w+Sanitizer: CHECK failed: \S+ \".*?\")"),
    re.compile(r"ERROR: (LeakSanitizer: [\w ]+)"),
    re.compile(r"ERROR: (libFuzzer: .*)"),
)


def message_of(log):
    """The line that says most."""
    for pattern in MESSAGES:
        for line in log:
            found = pattern.search(line)
            if found and not FRAME.match(line):
                return steady(found[1])
    return "no message"


# The first of these in a log decides: on a busy machine the alarm may ring while a stack is still being printed.
SIGNS = (
    ("hang", re.compile(r"ERROR: libFuzzer: timeout")),
    ("memory", re.compile(r"ERROR: libFuzzer: out-of-memory|AddressSanitizer: allocation-size-too-big")),
    ("leak", re.compile(r"LeakSanitizer: detected memory leaks")),
    ("crash", re.compile(r"ERROR: (?:Address|Memory|UndefinedBehavior)Sanitizer|Sanitizer: CHECK failed|runtime error: |ERROR: libFuzzer")),
)


def kind_of(log, artifact=""):
    """hang, memory, leak or crash: by what the log says, or else by the artifact's name."""
    for line in log:
        for kind, sign in SIGNS:
            if sign.search(line):
                return kind
    return KINDS.get(artifact.split("-", 1)[0], "crash")


def read(log, artifact=""):
    """The Signature of a failure's log."""
    kind, frames = kind_of(log, artifact), frames_of(log)
    # Where a hang or a flood of small allocations is caught is chance: its outer calls are not.
    top = frames[-3:] if kind == "hang" else frames[:3]
    message = re.sub(r"after \S+ seconds?|\(.*\)", "", message_of(log)).strip() if kind in ("hang", "memory") \
        else message_of(log)
    return Signature(kind, message, tuple(f"{name} {place}".strip() for name, place in top))
