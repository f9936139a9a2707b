"""A second opinion on a written file: a forward pass in NumPy that shares no code with training."""

import math

import numpy as np

from tokenizer import BOS, EOS, FIRST_PIECE, Tokenizer


class Model:
    """A Llama read from a GGUF file, with a key-value cache for one sequence."""

    def __init__(self, metadata, tensors):
        self.tensors = tensors
        self.layers = metadata["llama.block_count"]
        self.heads = metadata["llama.attention.head_count"]
        self.kv_heads = metadata["llama.attention.head_count_kv"]
        self.context = metadata["llama.context_length"]
        self.eps = metadata["llama.attention.layer_norm_rms_epsilon"]
        self.rope_base = metadata["llama.rope.freq_base"]
        self.tokenizer = Tokenizer(metadata["tokenizer.ggml.tokens"][FIRST_PIECE:])
        self.forget()

    def forget(self):
        """Empty the cache."""
        self.cache = [None] * self.layers

    def norm(self, x, name):
        """RMSNorm with the named weight."""
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + self.eps) * self.tensors[name + ".weight"]

    def project(self, x, name):
        """x times the transposed matrix of a name."""
        return x @ self.tensors[name + ".weight"].T

    def rotate(self, x, start):
        """Rotate adjacent pairs of (head, time, head_dim) from position `start` on."""
        size = x.shape[-1]
        rates = self.rope_base ** (-np.arange(0, size, 2) / size)
        angles = (start + np.arange(x.shape[1]))[:, None] * rates
        cos, sin = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
        even, odd = x[..., 0::2], x[..., 1::2]
        turned = np.empty_like(x)
        turned[..., 0::2] = even * cos - odd * sin
        turned[..., 1::2] = even * sin + odd * cos
        return turned

    def attend(self, x, layer):
        """Attention of the new positions over the cache and themselves."""
        name, time = f"blk.{layer}.attn_", len(x)
        split = lambda y, heads: y.reshape(time, heads, -1).transpose(1, 0, 2)
        past = self.cache[layer]
        start = 0 if past is None else past[0].shape[1]
        q = self.rotate(split(self.project(x, name + "q"), self.heads), start)
        k = self.rotate(split(self.project(x, name + "k"), self.kv_heads), start)
        v = split(self.project(x, name + "v"), self.kv_heads)
        if past is not None:
            k, v = np.concatenate([past[0], k], 1), np.concatenate([past[1], v], 1)
        self.cache[layer] = (k, v)
        future = np.arange(k.shape[1]) > start + np.arange(time)[:, None]
        out = []
        for head in range(self.heads):
            group = head * self.kv_heads // self.heads
            scores = q[head] @ k[group].T / np.float32(math.sqrt(q.shape[-1]))
            scores[future] = -np.inf
            share = np.exp(scores - scores.max(-1, keepdims=True))
            out.append(share / share.sum(-1, keepdims=True) @ v[group])
        return self.project(np.concatenate(out, -1), name + "output")

    def logits(self, ids):
        """Logits after each of `ids`, which continue what the cache holds."""
        x = self.tensors["token_embd.weight"][np.asarray(ids)]
        for layer in range(self.layers):
            name = f"blk.{layer}."
            x = x + self.attend(self.norm(x, name + "attn_norm"), layer)
            h = self.norm(x, name + "ffn_norm")
            gate = self.project(h, name + "ffn_gate")
            h = gate / (1 + np.exp(-gate)) * self.project(h, name + "ffn_up")
            x = x + self.project(h, name + "ffn_down")
        return self.project(self.norm(x, "output_norm"), "token_embd")

    def loss(self, text):
        """(nats, tokens) of a text read from the beginning, in windows of the context."""
        ids, nats = self.tokenizer.encode(text), 0.0
        for start in range(0, len(ids), self.context - 1):
            part = ids[start : start + self.context - 1]
            self.forget()
            logits = self.logits([BOS] + part[:-1]).astype(np.float64)
            top = logits.max(-1)
            total = np.log(np.exp(logits - top[:, None]).sum(-1)) + top
            nats += (total - logits[np.arange(len(part)), part]).sum()
        return nats, len(ids)

    def continue_greedily(self, prompt, count):
        """Up to `count` greedy ids after a prompt, </s> not included."""
        self.forget()
        ids, out = [BOS] + self.tokenizer.encode(prompt), []
        while len(out) < count:
            best = int(self.logits(ids)[-1].argmax())
            if best == EOS:
                break
            out.append(best)
            ids = [best]
        return out


def report_loss(model, label, texts):
    """Print nats a token and bits a byte over texts that are each scored alone."""
    scored = [model.loss(text) for text in texts]
    nats, tokens = sum(n for n, _ in scored), sum(t for _, t in scored)
    size = sum(len(text.encode("utf-8")) for text in texts)
    print(
        f"{label}: {nats / tokens:.4f} nats/token, {nats / math.log(2) / size:.4f} bits/byte"
        f" ({len(texts)} chapters, {tokens} tokens, {size} bytes)"
    )


def report_text(model, prompts, count):
    """Print what the model writes after each prompt."""
    for prompt in prompts:
        ids = model.continue_greedily(prompt, count)
        text = model.tokenizer.decode([FIRST_PIECE + model.tokenizer.rank["\u2581"]] + ids)
        print(f"\n[{prompt}] + {len(ids)} tokens\n{prompt}{text}")
