"""Writes prepare.txt: what scikit-learn makes of the table below. One line each: name, then the numbers."""
import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import MinMaxScaler, Normalizer, StandardScaler

nan = np.nan
train = np.array(
    [[1.0, 100.0, 7.25, 0.5], [2.0, nan, 7.25, -1.5], [4.0, 300.0, 7.25, 0.5], [nan, 200.0, 7.25, 2.5],
     [2.0, 300.0, 7.25, 0.25], [11.0, 100.0, 7.25, 2.5]])
test = np.array([[3.0, 50.0, 8.25, 1.0], [nan, 400.0, nan, -7.0]])

cases = {"train": train, "test": test}
standard = StandardScaler().fit(train)
cases |= {"mean": standard.mean_, "deviation": standard.scale_, "standard": standard.transform(test)}
scaler = MinMaxScaler((-2, 3)).fit(train)
cases["min max"] = scaler.transform(test)
for strategy in ["mean", "median", "most_frequent", "constant"]:
    imputer = SimpleImputer(strategy=strategy, fill_value=-9, add_indicator=True).fit(train)
    cases[strategy] = imputer.statistics_
    # a feature that was whole in training has no indicator, and is filled all the same
    cases[strategy + " test"] = imputer.transform(test)
for norm in ["l1", "l2", "max"]:
    cases[norm] = Normalizer(norm).fit_transform(np.vstack([np.nan_to_num(test), np.zeros((1, 4))]))
with open("prepare.txt", "w") as out:
    for name, value in cases.items():
        out.write(name + ": " + " ".join(f"{x:.17g}" for x in np.asarray(value).flatten()) + "\n")
