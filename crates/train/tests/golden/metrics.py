"""Makes metrics.json, the numbers that tests/metrics_golden.rs compares with, from scikit-learn.

    python crates/train/tests/golden/metrics.py

All scores are multiples of 1/64, so that f32 holds them exactly. Made with scikit-learn 1.9.1.
"""

import json
import pathlib
import warnings

import numpy as np
from sklearn import metrics as m

warnings.simplefilter("ignore")
rng = np.random.default_rng(0)


def plain(x):
    if isinstance(x, dict):
        return {key: plain(value) for key, value in x.items()}
    x = np.asarray(x)
    # JSON has no infinity or NaN
    return [None if not np.isfinite(v) else v for v in x.tolist()] if x.ndim == 1 else x.tolist()


out = {}

# two classes, with many ties
truth = rng.integers(0, 2, 60)
scores = np.clip((truth * 12 + rng.integers(0, 52, 60)), 1, 63) / 64
binary = {"truth": truth, "scores": scores}
fpr, tpr, thresholds = m.roc_curve(truth, scores)
binary["fpr"], binary["tpr"], binary["roc_thresholds"] = fpr, tpr, thresholds
precisions, recalls, thresholds = m.precision_recall_curve(truth, scores)
binary["precisions"], binary["recalls"], binary["pr_thresholds"] = precisions, recalls, thresholds
binary["auc"] = m.roc_auc_score(truth, scores)
binary["average_precision"] = m.average_precision_score(truth, scores)
binary["log_loss"] = m.log_loss(truth, scores)
for threshold in [0.25, 0.5, 0.75]:
    found = (scores > threshold).astype(int)
    (tn, fp), (fn, tp) = m.confusion_matrix(truth, found)
    binary[f"at {threshold}"] = {
        "counts": [tp, fp, fn, tn],
        "accuracy": m.accuracy_score(truth, found),
        "precision": m.precision_score(truth, found),
        "recall": m.recall_score(truth, found),
        "specificity": m.recall_score(truth, found, pos_label=0),
        "f1": m.f1_score(truth, found),
        "f2": m.fbeta_score(truth, found, beta=2),
        "iou": m.jaccard_score(truth, found),
    }
out["binary"] = binary

# four classes; the last one is never predicted and the third one never true
classes = rng.integers(0, 3, 50)
classes[classes == 2] = 3
rows = rng.integers(0, 40, (50, 4)).astype(float)
rows[np.arange(50), classes] += 24
rows[:, 3] = 0
p = rows / 64
found = rows.argmax(1)
several = {"truth": classes, "scores": p.ravel(), "found": found}
several["matrix"] = m.confusion_matrix(classes, found, labels=range(4)).ravel()
several["accuracy"] = m.accuracy_score(classes, found)
several["top 2"] = m.top_k_accuracy_score(classes, p, k=2, labels=range(4))
several["kappa"] = m.cohen_kappa_score(classes, found)
several["matthews"] = m.matthews_corrcoef(classes, found)
for average in ["macro", "micro", "weighted", None]:
    for zero in [0.0, 1.0, np.nan]:
        options = dict(labels=range(4), average=average, zero_division=zero)
        several[f"{average} {zero}"] = {
            "precision": m.precision_score(classes, found, **options),
            "recall": m.recall_score(classes, found, **options),
            "f1": m.f1_score(classes, found, **options),
            "f0.5": m.fbeta_score(classes, found, beta=0.5, **options),
        }
    several[f"iou {average}"] = m.jaccard_score(classes, found, labels=range(4), average=average, zero_division=0)
out["several"] = several

# one against the rest, with every class there; probabilities in eighths
truth = np.arange(40) % 3
parts = rng.integers(1, 7, (40, 2))
p = np.stack([parts[:, 0], parts[:, 1], 16 - parts.sum(1)], 1) / 16
out["one against the rest"] = {
    "truth": truth,
    "scores": p.ravel(),
    "auc": m.roc_auc_score(truth, p, multi_class="ovr", average="macro"),
    "average_precision": np.mean([m.average_precision_score(truth == c, p[:, c]) for c in range(3)]),
    "log_loss": m.log_loss(truth, p),
}

# labels of their own
truth, scores = rng.integers(0, 2, (30, 3)), rng.integers(1, 63, (30, 3)) / 64
out["labels"] = {
    "truth": truth.ravel(),
    "scores": scores.ravel(),
    "auc": m.roc_auc_score(truth, scores, average="macro"),
    "average_precision": m.average_precision_score(truth, scores, average="macro"),
}

# numbers, two outputs a sample
t, p = rng.integers(-300, 300, (25, 2)) / 64, rng.integers(-300, 300, (25, 2)) / 64
p = (t * 3 + p) / 4
out["numbers"] = {
    "truth": t.ravel(),
    "predictions": p.ravel(),
    "mae": m.mean_absolute_error(t, p),
    "mse": m.mean_squared_error(t, p),
    "rmse": m.mean_squared_error(t, p) ** 0.5,
    "r2": m.r2_score(t, p),
    "r2 of the first": m.r2_score(t[:, 0], p[:, 0]),
}

# one class alone, and no variance
out["edges"] = {
    "one class ap": m.average_precision_score([1, 1, 1], [0.5, 0.25, 0.75]),
    "no positive ap": m.average_precision_score([0, 0, 0], [0.5, 0.25, 0.75]),
    "no positive recalls": m.precision_recall_curve([0, 0, 0], [0.5, 0.25, 0.75])[1],
    "constant met": m.r2_score([2, 2], [2, 2]),
    "constant missed": m.r2_score([2, 2], [2, 3]),
    "all tied auc": m.roc_auc_score([0, 1, 1, 0], [0.5] * 4),
}

text = json.dumps({key: plain(value) for key, value in out.items()}, indent=1)
pathlib.Path(__file__).with_name("metrics.json").write_text(text + "\n")
