"""How photos are divided: folders of test photos, groups of near duplicates, folds."""
