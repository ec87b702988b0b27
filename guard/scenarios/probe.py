"""How well the letters of a text alone tell whether it is loaded: what a model might learn instead of its meaning.

Needs scikit-learn (of the extra ``bench``).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from guard.errors import NormGuardError, missing

_FEATURES, _FOLDS = 2**18, 6


def by_letters(texts: Sequence[str], loaded: Sequence[bool], writers: Sequence[str]) -> dict[str, float]:
    """Area under the ROC curve for each writer, told by logistic regression on others' sequences of letters.

    Raises:
        NormGuardError: scikit-learn is not installed.
    """
    try:
        from sklearn.feature_extraction.text import HashingVectorizer
        from sklearn.linear_model import SGDClassifier
        from sklearn.metrics import roc_auc_score
    except ModuleNotFoundError as error:
        raise NormGuardError(missing("The probe of style", "bench")) from error
    features = HashingVectorizer(analyzer="char_wb", ngram_range=(2, 4), n_features=_FEATURES).transform(texts)
    wanted, of = np.array(loaded), np.array(writers)
    every = sorted(set(writers))
    found: dict[str, float] = {}
    for fold in range(min(_FOLDS, len(every))):
        left_out = every[fold::_FOLDS]
        seen = ~np.isin(of, left_out)
        if len(set(wanted[seen])) < 2:
            continue
        model = SGDClassifier(loss="log_loss", alpha=1e-5, max_iter=20, tol=None, random_state=0)
        model.fit(features[seen], wanted[seen])
        for writer in left_out:
            own = of == writer
            if len(set(wanted[own])) == 2:
                found[writer] = float(roc_auc_score(wanted[own], model.decision_function(features[own])))
    return found
