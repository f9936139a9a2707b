"""A SentencePiece-like vocabulary: learned by byte-pair merges, applied by best score.

Ids are <unk>, <s>, </s>, the 256 byte tokens, then the pieces. A piece's score is
minus its rank, so the encoder takes early merges first; single characters come last.
"""

import re
from collections import Counter, defaultdict

SPACE = "\u2581"
UNK, BOS, EOS = 0, 1, 2
FIRST_BYTE = 3
FIRST_PIECE = FIRST_BYTE + 256
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6
# Merges stay inside a run of letters or of punctuation, each with the space before it.
WORD = re.compile(rf"{SPACE}?[A-Za-z]+|{SPACE}?[^A-Za-z{SPACE}\n]+|{SPACE}|\n")


def escape(text):
    """The text as the encoder sees it: a space in front, every space a U+2581."""
    return SPACE + text.replace(" ", SPACE)


def learn(text, size):
    """Learn a vocabulary of `size` tokens; return its pieces, best score first."""
    words = Counter(w for w in WORD.findall(escape(text)) if w != "\n")
    characters = Counter()
    for word, count in words.items():
        for character in word:
            characters[character] += count
    merges = learn_merges(words, size - FIRST_PIECE - len(characters))
    return merges + [c for c, _ in sorted(characters.items(), key=lambda kv: (-kv[1], kv[0]))]


def learn_merges(words, wanted):
    """Byte-pair encoding over a table of counted words; return the merged pieces in order."""
    spelled = [(list(word), count) for word, count in sorted(words.items())]
    counts, where = Counter(), defaultdict(set)
    for index, (symbols, count) in enumerate(spelled):
        for pair in zip(symbols, symbols[1:]):
            counts[pair] += count
            where[pair].add(index)
    pieces, known = [], set()
    while len(pieces) < wanted:
        pair = max(counts, key=lambda p: (counts[p], p))
        piece = "".join(pair)
        if piece not in known:
            known.add(piece)
            pieces.append(piece)
        for index in where.pop(pair):
            apply_merge(spelled[index], pair, piece, index, counts, where)
        counts.pop(pair, None)
    return pieces


def apply_merge(word, pair, piece, index, counts, where):
    """Merge `pair` in one spelled word and bring the tables of pairs up to date."""
    symbols, count = word
    for old in zip(symbols, symbols[1:]):
        counts[old] -= count
    at = 0
    while at + 1 < len(symbols):
        if (symbols[at], symbols[at + 1]) == pair:
            symbols[at : at + 2] = [piece]
        at += 1
    for new in zip(symbols, symbols[1:]):
        counts[new] += count
        where[new].add(index)


class Tokenizer:
    """Encodes and decodes with a list of pieces ordered by falling score."""

    def __init__(self, pieces):
        self.pieces = list(pieces)
        self.rank = {piece: rank for rank, piece in enumerate(self.pieces)}
        self.cache = {}

    def __len__(self):
        return FIRST_PIECE + len(self.pieces)

    def table(self):
        """The vocabulary as (texts, scores, types), as a GGUF file stores it."""
        texts = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)] + self.pieces
        scores = [0.0] * FIRST_PIECE + [-float(rank) for rank in range(len(self.pieces))]
        types = [UNKNOWN, CONTROL, CONTROL] + [BYTE] * 256 + [NORMAL] * len(self.pieces)
        return texts, scores, types

    def encode(self, text, prefix=True):
        """Token ids of `text` without <s>; `prefix` puts the space in front."""
        if not text:
            return []
        escaped = escape(text)[0 if prefix else 1 :]
        # No piece spans two words, so each word may be encoded alone, and once.
        ids = []
        for word in WORD.findall(escaped):
            if word not in self.cache:
                self.cache[word] = self.encode_run(word)
            ids += self.cache[word]
        return ids

    def encode_run(self, run):
        """Merge the adjacent pair of the best score, leftmost first, until none is left."""
        symbols = list(run)
        while True:
            ranks = [self.rank.get(a + b, len(self.rank)) for a, b in zip(symbols, symbols[1:])]
            best = min(ranks, default=len(self.rank))
            if best == len(self.rank):
                break
            at = ranks.index(best)
            symbols[at : at + 2] = [symbols[at] + symbols[at + 1]]
        ids = []
        for symbol in symbols:
            if symbol in self.rank:
                ids.append(FIRST_PIECE + self.rank[symbol])
            else:
                ids += [FIRST_BYTE + byte for byte in symbol.encode("utf-8")]
        return ids

    def decode(self, ids):
        """The text of some ids; control tokens are silent, the first space is dropped."""
        data = bytearray()
        for token in ids:
            if token >= FIRST_PIECE:
                data += self.pieces[token - FIRST_PIECE].replace(SPACE, " ").encode("utf-8")
            elif token >= FIRST_BYTE:
                data.append(token - FIRST_BYTE)
        return data.decode("utf-8", errors="replace").removeprefix(" ")
