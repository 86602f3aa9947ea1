"""Writes text.txt: counts and weights of two vectorisers of scikit-learn. One line each: name, then the numbers."""
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

texts = ["a b a c", "b b d", "a d d e", "", "c"]
counter = CountVectorizer(token_pattern=r"\S+", vocabulary=["a", "b", "c", "d", "e", "f"])
counts = counter.transform(texts)
tfidf = TfidfTransformer().fit(counts)
with open("text.txt", "w") as out:
    for name, value in {"counts": counts.toarray(), "idf": tfidf.idf_, "tfidf": tfidf.transform(counts).toarray()}.items():
        out.write(name + ": " + " ".join(f"{x:.17g}" for x in value.flatten()) + "\n")
    grams = CountVectorizer(ngram_range=(1, 2), token_pattern=r"\S+").fit(["the cat sat on the mat"])
    print(sorted(grams.vocabulary_))
