"""embedded: the handwritten digits as a folder of photos, a class a folder."""

from edgetl.core.photos.photo_folder import scan_photos
from edgetl.stages import embedded


def test_a_folder_that_can_be_scanned(tmp_path):
    embedded.write(tmp_path / "digits")
    tree = scan_photos(tmp_path / "digits")
    assert tree.classes == tuple("0123456789") and len(tree.files) == 1797 and tree.left_out == ()
