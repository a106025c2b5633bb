#!/usr/bin/env python3
"""Lines of zoo.py (files, or stdin) as the tables of docs/models.md. Of several lines for a model
the last counts; what it lacks is taken from those before."""
import fileinput
import json


def table(head, rows):
    print("", "| " + " | ".join(head) + " |", "|" + "---|" * len(head), sep="\n")
    for row in rows:
        print("| " + " | ".join(row) + " |")


def percent(share):
    return f"{100 * share:.1f}"


def milliseconds(value):
    return "-" if value is None else f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def main():
    lines = {}
    for text in fileinput.input():
        line = json.loads(text)
        lines[line["model"]] = lines.get(line["model"], {}) | line
    lines = lines.values()
    table(["model", "parameters", "neurons", "T", "spiking: mean (layers)", "ms stc", "ms torch"],
          [[a["model"], f"{a['parameters']:,}", f"{a['neurons']:,}", str(a["steps"]),
            f"{percent(a['rate'])} % ({percent(a['lowest_rate'])}..{percent(a['highest_rate'])})",
            milliseconds(a.get("stc_ms")), milliseconds(a.get("torch_ms"))] for a in lines])
    table(["model", "images", "neuron-steps", "replay: differ, near", "farthest",
           "output", "free: images equal", "differ", "near", "after one", "output",
           "torch float32 / float64"],
          [[a["model"], str(a["samples"]), f"{a['compared']:,}",
            f"{a['replay']['differences']}, {a['replay']['near_threshold']}",
            f"{a['replay']['farthest']:.1e}", f"{a['replay']['output_difference']:.1e}",
            str(a["samples_equal"]), f"{a['differences']:,}", f"{a['near_threshold']:,}",
            f"{a['downstream']:,}", f"{a['output_difference']:.1e}",
            f"{a['torch_replay']['free_differences']:,}"] for a in lines])


if __name__ == "__main__":
    main()
