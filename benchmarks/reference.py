"""The reference that the local model is measured against: TF-IDF and logistic regression.

Of scikit-learn, which Deskhand itself does not need: ``uv sync --group bench`` installs it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


def needs_sklearn() -> None:
    """Raises ``SystemExit`` naming what to install."""
    try:
        import sklearn  # noqa: F401  # only whether it is there
    except ImportError:
        raise SystemExit("the reference needs scikit-learn: run `uv sync --group bench`") from None


@dataclass
class TfidfRegression:
    """Words (1 to 2) and word parts (2 to 5) by TF-IDF, logistic regression with C = 10."""

    model: Any
    vectors: Any

    @classmethod
    def train(cls, texts: Sequence[str], labels: Sequence[str]) -> TfidfRegression:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import FeatureUnion

        vectors = FeatureUnion(
            [
                ("words", TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)),
                (
                    "parts",
                    TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True),
                ),
            ]
        )
        model = LogisticRegression(C=10, max_iter=300)
        model.fit(vectors.fit_transform(texts), labels)
        return cls(model, vectors)

    def predict(self, texts: Sequence[str]) -> tuple[list[str], np.ndarray]:
        """The likeliest label of each text, and its probability."""
        likely = self.model.predict_proba(self.vectors.transform(texts))
        return [self.model.classes_[place] for place in likely.argmax(axis=1)], likely.max(axis=1)


@dataclass
class TfidfSearch:
    """Articles by the cosine of TF-IDF vectors, English stop words left out."""

    ids: Sequence[str]
    vectors: Any
    rows: Any

    @classmethod
    def index(cls, articles: Sequence[tuple[str, str]]) -> TfidfSearch:
        """``articles`` are (id, text)."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        vectors = TfidfVectorizer(stop_words="english", sublinear_tf=True)
        rows = vectors.fit_transform([text for _, text in articles])
        return cls([some_id for some_id, _ in articles], vectors, rows)

    def search(self, text: str, limit: int) -> list[str]:
        scores = (self.rows @ self.vectors.transform([text]).T).toarray().ravel()
        return [self.ids[place] for place in np.argsort(-scores, kind="stable")[:limit]]
