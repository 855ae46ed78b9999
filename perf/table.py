# SPDX-License-Identifier: BSD-3-Clause
"""A row of perf/run as a line of 100 columns, and what it judges by: value, spread, reference, goal, verdict."""
import statistics

import runner

HEAD = ("name", "value", "unit", "spread", "reference", "goal", "")
WIDTHS = (38, 8, 4, 17, 10, 8, 8)
GOAL_SIGNS = {"at_most": "<=", "at_least": ">="}


def number(x):
    """Four digits at most, with k, M or G."""
    for limit, sign in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(x) >= limit:
            short = x / (1e3 if sign == "k" else limit)
            return f"{short:.{0 if abs(short) >= 100 else 1 if abs(short) >= 10 else 2}f}".rstrip("0").rstrip(".") + sign \
                if abs(short) < 100 else f"{short:.0f}{sign}"
    if x == int(x):
        return f"{x:.0f}"
    return f"{x:.{0 if abs(x) >= 1000 else 1 if abs(x) >= 100 else 2 if abs(x) >= 1 else 3}f}"


def each(one):
    """What every round alone comes to."""
    if one["how"] == "ratio":
        return [r["value"] / r["reference"] for r in one["rounds"]]
    if one["how"] == "difference":
        return [r["value"] - r["reference"] for r in one["rounds"]]
    return [r["value"] for r in one["rounds"]]


def spread(one):
    """(low, high, what): quartiles, or the least and the most of a few."""
    values = sorted(each(one))
    if len(values) < 4 or one["how"] in ("max", "sum"):
        return values[0], values[-1], "least-most"
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high, "quartiles"


def judged(one, bench, goal):
    """A row with everything that is printed of it."""
    low, high, what = spread(one)
    value = runner.value_of(one)
    paired = "reference" in one["rounds"][0]
    return {
        **one,
        "bench": bench,
        "value": value,
        "spread": [low, high],
        "spread_of": what,
        "reference": statistics.median(r["reference"] for r in one["rounds"]) if paired else None,
        "goal": {k: goal[k] for k in GOAL_SIGNS if k in goal} or None,
        "verdict": runner.verdict(value, goal),
    }


def goal_text(goal):
    return " ".join(f"{GOAL_SIGNS[k]} {number(v)}" for k, v in goal.items()) if goal else "-"


def cells(texts):
    out = f"{texts[0]:<{WIDTHS[0]}}"
    for text, width in zip(texts[1:-1], WIDTHS[1:-1]):
        out += f" {text:>{width}}"
    return f"{out} {texts[-1]}".rstrip()


def line(one):
    low, high = one["spread"]
    reference = number(one["reference"]) if one["reference"] is not None else "-"
    return cells((one["name"], number(one["value"]), one["unit"], f"[{number(low)}, {number(high)}]", reference,
                  goal_text(one["goal"]), one["verdict"]))


def profile_lines(one):
    """Beneath a row that is short: where its time goes."""
    profile = one.get("profile")
    if one["verdict"] != "short" or not profile:
        return []
    if "why_not" in profile:
        return [f"    no profile: {profile['why_not']}"[:100]]
    shares = [f"{100 * entry['share']:.0f} % {entry['what']}" for entry in profile["entries"]]
    lines = [f"    {profile['how']}:"]
    for share in shares:
        if len(lines) == 1 or len(lines[-1]) + len(share) + 2 > 100:
            lines.append(f"    {share}")
        else:
            lines[-1] += f", {share}"
    return [line[:100] for line in lines]


def skipped_line(one):
    return f"{one['name']:<{WIDTHS[0]}}  skipped: {one['why']}"[:100]
