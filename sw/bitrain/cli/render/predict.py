"""Tables of predictions."""

from collections.abc import Sequence

from rich.table import Table

from bitrain.flow.predict import Prediction

from .table import table_of

MOST_SCORES = 10


def predictions_table(predictions: Sequence[Prediction]) -> Table:
    """An image a row: its class, its margin, and its scores, the largest first."""
    table = table_of(
        "golden model, scores in product bits",
        ("image", "class"),
        ("margin", "scores, the largest first"),
    )
    for each in predictions:
        best = sorted(each.scores.items(), key=lambda item: -item[1])[:MOST_SCORES]
        scores = ", ".join(f"{name}: {score:,}" for name, score in best)
        table.add_row(str(each.path), each.best, f"{each.margin:,}", scores)
    return table
