"""What the bench prints: tables in Markdown on stdout, which a terminal shows as well; what it does on stderr."""

import sys


def show(text):
    """A result."""
    sys.stdout.write(f"{text}\n\n")
    sys.stdout.flush()


def say(text):
    """What is done meanwhile."""
    sys.stderr.write(f"bench: {text}\n")
    sys.stderr.flush()


def table(head, rows):
    """A table whose columns are as wide as what is in them."""
    cells = [list(head), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = [
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |"
        for row in cells
    ]
    lines.insert(1, f"|{'|'.join('-' * (width + 2) for width in widths)}|")
    return "\n".join(lines)


def seconds(value):
    return f"{value:.2f}"


def megabytes(value):
    return f"{value / 1e6:.2f}" if value < 10e6 else f"{value / 1e6:.0f}"


def ratio(value, reference):
    return f"{value / reference:.2f}" if reference else "-"


COST_HEAD = (
    *("image", "way", "wall s", "ratio", "budget", "push s", "push ratio", "cpu s", "daemon cpu s"),
    *("rss MB", "pushed MB", "ratio", "pull MB", "ratio"),
)


def cost_row(case, way, cost, reference):
    """A way's row; `reference` is the script's cost in the same run, or None where it did not run."""

    def of(name):
        return ratio(getattr(cost, name), getattr(reference, name)) if reference else "-"

    return (
        case.name,
        way,
        seconds(cost.wall),
        of("wall"),
        "-" if way == "reference" or case.budget is None else f"{case.budget:.2f}",
        seconds(cost.push),
        of("push"),
        seconds(cost.cpu),
        seconds(cost.daemon),
        megabytes(cost.rss),
        megabytes(cost.pushed),
        of("pushed"),
        megabytes(cost.pulled),
        of("pulled"),
    )


def step_table(costs):
    """Where the time of a way goes, by step: medians in seconds; `costs` by case."""
    names = list(dict.fromkeys(step for cost in costs.values() for step in cost.steps))
    rows = [
        (name, *(seconds(cost.steps[name]) if name in cost.steps else "-" for cost in costs.values()))
        for name in names
    ]
    return table(("step", *costs), rows)
