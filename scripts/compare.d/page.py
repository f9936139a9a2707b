"""The figures as a table in Markdown."""


def number(x):
    return f"{x:.0f}" if x >= 100 else f"{x:.1f}" if x >= 10 else f"{x:.2f}"


def percent(x):
    return "" if x is None else f"{100 * x:.0f} %"


def cell(engine):
    if "error" in engine:
        return engine["error"].split(":")[0]
    return number(engine["tok_s"]["median"])


def peers_of(data):
    return [peer["name"] for peer in data["peers"]]


def ratio_text(row):
    if not row["best_peer"]:
        return ""
    ratio = row["ratios"][row["best_peer"]]
    text = f"{ratio['median']:.2f} ({ratio['low']:.2f}–{ratio['high']:.2f})"
    return text if ratio["median"] >= 1 else f"**{text}**"


def model_table(data, model):
    peers = peers_of(data)
    lines = ["| threads | test | Prumo t/s | of the limit | " + " | ".join(f"{peer} t/s | of it" for peer in peers) +
             " | over the better |", "|" + "---:|---|---:|---:|" + "---:|---:|" * len(peers) + "---:|"]
    for row in model["rows"]:
        own = row["engines"]["Prumo"]
        words = [str(row["threads"]), row["test"], cell(own), percent(own.get("share"))]
        for peer in peers:
            other = row["engines"].get(peer, {"error": "not run"})
            words += [cell(other), percent(other.get("share"))]
        lines.append("| " + " | ".join(words + [ratio_text(row)]) + " |")
    return lines


def limit_text(limit, model):
    plural = "s" if limit["threads"] > 1 else ""
    memory = limit["peak_bytes"] / (model["bytes"] + limit["kv_cache_bytes"])
    peak = f", int8 peak {limit['int8_gop_s']:.0f} GOP/s" if limit["int8_gop_s"] else ""  # known with AVX-512 only
    return (f"{limit['threads']} thread{plural}: the machine reads {limit['read_gb_s']:.1f} GB/s{peak}; "
            f"Prumo's first token {limit['first_token_s']:.2f} s after its start, peak memory"
            f" {memory:.2f} of file and KV cache.")


def losses(data):
    """The rows where a peer is faster."""
    return [f"{model['name']}, {row['test']}, {row['threads']} thread{'s' if row['threads'] > 1 else ''}: "
            f"{row['best_peer']}, {row['ratios'][row['best_peer']]['median']:.2f}"
            for model in data["models"] for row in model["rows"]
            if row["best_peer"] and row["ratios"][row["best_peer"]]["median"] < 1]


def options_text(data):
    """Which of the options that were tried won, over all rows."""
    parts = []
    for peer in peers_of(data):
        won = {}
        for model in data["models"]:
            for row in model["rows"]:
                engine = row["engines"].get(peer, {})
                if engine.get("options"):
                    key = " ".join(engine["options"])
                    won[key] = won.get(key, 0) + 1
        if won:
            parts.append(f"{peer}: " + ", ".join(f"`{key}` in {count}" for key, count in
                                                 sorted(won.items(), key=lambda item: -item[1])))
    return "; ".join(parts)


def markdown(data):
    lines = []
    if data["unproved"]:
        lines += [f"**UNPROVED: {data['unproved']}**", ""]
    lines += [f"{data['machine']['cpu']}, {data['machine']['cores']} cores, {data['date']}; Prumo on {data['isa']}. "
              f"Medians of {data['rounds']} rounds, engines in turn and back (A B B A), each process a warm-up and "
              f"{data['repetitions']} repetition{'s' if data['repetitions'] > 1 else ''}. The ratio is taken round by "
              f"round; behind it {'its quartiles' if data['rounds'] >= 8 else 'its least and most'}. The limit is what the "
              "test would take at the read bandwidth or, for a prompt, at the int8 peak, whichever is more; both are "
              "measured in the same runs.", ""]
    for model in data["models"]:
        lines += [f"**{model['name']}** ({model['bytes'] / 1e6:.0f} MB)", ""]
        lines += [" ".join(limit_text(limit, model) for limit in model["limits"]), "", *model_table(data, model), ""]
    lost = losses(data)
    lines.append("A peer is faster in: " + "; ".join(lost) + "." if lost else "No peer is faster in any row.")
    tried = options_text(data)
    if tried:
        lines += ["", f"Options tried both ways, the faster kept: {tried}."]
    lines += ["", "Peers: " + "; ".join(f"{peer['name']} {peer['build'] or ''}".strip() for peer in data["peers"]) + "."]
    return "\n".join(lines) + "\n"
