"""The Llama that is trained, in PyTorch: float32 weights, bfloat16 products."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

EPS = 1e-5
ROPE_BASE = 10000.0
QUERY_BLOCK = 256


@dataclass
class Shape:
    """The sizes of a model, all multiples of 32 where Q8_0 needs it."""

    vocab: int = 2048
    dim: int = 192
    layers: int = 6
    heads: int = 6
    kv_heads: int = 2
    ffn: int = 512
    context: int = 2048

    @property
    def head_dim(self):
        return self.dim // self.heads

    def tensors(self):
        """GGUF tensor name -> shape, outermost dimension first, in file order."""
        kv = self.kv_heads * self.head_dim
        shapes = {"token_embd.weight": (self.vocab, self.dim)}
        for n in range(self.layers):
            shapes |= {
                f"blk.{n}.attn_norm.weight": (self.dim,),
                f"blk.{n}.attn_q.weight": (self.dim, self.dim),
                f"blk.{n}.attn_k.weight": (kv, self.dim),
                f"blk.{n}.attn_v.weight": (kv, self.dim),
                f"blk.{n}.attn_output.weight": (self.dim, self.dim),
                f"blk.{n}.ffn_norm.weight": (self.dim,),
                f"blk.{n}.ffn_gate.weight": (self.ffn, self.dim),
                f"blk.{n}.ffn_up.weight": (self.ffn, self.dim),
                f"blk.{n}.ffn_down.weight": (self.dim, self.ffn),
            }
        return shapes | {"output_norm.weight": (self.dim,)}


def initial_weights(shape, seed):
    """Seeded weights by GGUF name: norms one, matrices normal, branch ends smaller."""
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for name, size in shape.tensors().items():
        if len(size) == 1:
            value = torch.ones(size)
        else:
            scale = 0.02 if "embd" in name else size[1] ** -0.5 * 0.6
            if "attn_output" in name or "ffn_down" in name:
                scale /= math.sqrt(2 * shape.layers)
            value = torch.randn(size, generator=generator) * scale
        weights[name] = value.requires_grad_()
    return weights


def rope_table(length, head_dim):
    """Complex rotations, one row a position, one column an adjacent pair."""
    rates = ROPE_BASE ** (-torch.arange(0, head_dim, 2, dtype=torch.float64) / head_dim)
    angles = torch.arange(length, dtype=torch.float64)[:, None] * rates
    return torch.polar(torch.ones_like(angles), angles).to(torch.complex64)


def rotate(x, table):
    """Rotate adjacent pairs of x (batch, time, head, head_dim) by their position."""
    pairs = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * table[: x.shape[1], None]).flatten(-2).bfloat16()


def rms_norm(x, weight):
    """RMSNorm in float32, the result in bfloat16."""
    return (x * torch.rsqrt(x.square().mean(-1, keepdim=True) + EPS) * weight).bfloat16()


def drop(x, rate):
    """Drop whole channels of a sequence: one mask for all its positions."""
    if not rate:
        return x
    mask = torch.rand(x.shape[0], 1, x.shape[2]) >= rate
    return x * (mask / (1 - rate))


def attend(q, k, v, head_dim):
    """Causal attention, (batch, kv, group, time, head_dim) against (batch, kv, time, head_dim)."""
    batch, kv, group, time, _ = q.shape
    k, v = k.flatten(0, 1).transpose(1, 2), v.flatten(0, 1)
    blocks = []
    for start in range(0, time, QUERY_BLOCK):
        end = min(start + QUERY_BLOCK, time)
        rows = q[:, :, :, start:end].reshape(batch * kv, group * (end - start), head_dim)
        scores = torch.bmm(rows, k[:, :, :end]).view(batch * kv, group, end - start, end)
        future = torch.full((end - start, end), -1e9).triu_(start + 1).bfloat16()
        share = torch.softmax(scores + future, -1).flatten(1, 2)
        blocks.append(torch.bmm(share, v[:, :end]).view(batch, kv, group, end - start, head_dim))
    return torch.cat(blocks, 3)


def forward(weights, shape, ids, table, dropout=0.0):
    """Logits in float32 for ids (batch, time)."""
    batch, time = ids.shape
    half = {name: w.bfloat16() for name, w in weights.items() if w.dim() == 2}
    embedding = half["token_embd.weight"]
    x = drop(F.embedding(ids, weights["token_embd.weight"]), dropout)
    for n in range(shape.layers):
        block = f"blk.{n}."
        h = rms_norm(x, weights[block + "attn_norm.weight"])
        q = F.linear(h, half[block + "attn_q.weight"]) * shape.head_dim**-0.5
        k = F.linear(h, half[block + "attn_k.weight"])
        v = F.linear(h, half[block + "attn_v.weight"])
        q = rotate(q.view(batch, time, shape.heads, -1), table).transpose(1, 2)
        k = rotate(k.view(batch, time, shape.kv_heads, -1), table).transpose(1, 2)
        v = v.view(batch, time, shape.kv_heads, -1).transpose(1, 2)
        mixed = attend(q.unflatten(1, (shape.kv_heads, -1)), k, v, shape.head_dim)
        mixed = mixed.flatten(1, 2).transpose(1, 2).flatten(2)
        x = x + drop(F.linear(mixed, half[block + "attn_output.weight"]), dropout)
        h = rms_norm(x, weights[block + "ffn_norm.weight"])
        gate = F.silu(F.linear(h, half[block + "ffn_gate.weight"]))
        up = F.linear(h, half[block + "ffn_up.weight"])
        x = x + drop(F.linear(gate * up, half[block + "ffn_down.weight"]), dropout)
    h = rms_norm(x, weights["output_norm.weight"])
    return F.linear(h, embedding).float()


def loss_of(weights, shape, window, table, dropout=0.0):
    """Mean cross-entropy in nats of each token of a window given those before it."""
    logits = forward(weights, shape, window[:, :-1], table, dropout)
    return F.cross_entropy(logits.flatten(0, 1), window[:, 1:].flatten())
