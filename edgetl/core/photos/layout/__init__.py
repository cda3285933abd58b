"""How people arrange labelled photos: folders of classes, folders of parts, lists in CSV files, names of files."""
