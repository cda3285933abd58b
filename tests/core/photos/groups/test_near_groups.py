"""near_groups.py: near duplicates share a group named by content; one large scene becomes bursts."""

from dataclasses import replace

from edgetl.core.photos.groups.near_groups import list_near_groups, name_near_duplicates


def test_near_duplicates_share_a_group_and_other_photos_have_none(make_usable):
    photos = [make_usable(f"{'ab'[number % 2]}/{number}.jpg") for number in range(20)]
    photos += [make_usable("a/x1.jpg", scene="x"), make_usable("b/x2.jpg", scene="x")]
    grouped, notes = name_near_duplicates(photos, 0.65)
    assert [photo.group for photo in grouped[:20]] == [""] * 20
    assert grouped[20].group == grouped[21].group != ""
    assert notes == ["2 photos are near duplicates of others: their group stays in one part"]
    assert list_near_groups((photo.file.path, photo.group) for photo in grouped) == [["a/x1.jpg", "b/x2.jpg"]]


def test_renamed_photos_keep_the_name_of_their_group(make_usable):
    photos = [make_usable(f"a/{number}.jpg", scene="x" if number < 3 else "") for number in range(20)]
    renamed = [replace(photo, file=replace(photo.file, path=f"a/renamed {row}")) for row, photo in enumerate(photos)]
    names = [[photo.group for photo in name_near_duplicates(files, 0.65)[0]] for files in (photos, renamed)]
    assert names[0] == names[1] and len(set(names[0])) == 2


def test_photos_keep_the_groups_that_they_have(make_usable):
    photos = [make_usable(f"a/{number}.jpg", scene="x", group=f"{number}") for number in range(4)]
    assert name_near_duplicates(photos, 0.65) == (photos, [])


def test_scene_is_divided_only_if_training_may_not_have_so_many_photos(make_usable):
    for count, divided in ((60, False), (70, True)):
        photos = [make_usable(f"a/{n:02}.jpg", scene="x" if n < count else "") for n in range(100)]
        grouped, notes = name_near_duplicates(photos, 0.65)
        names = {photo.group for photo in grouped} - {""}
        assert (len(names) > 1) is divided
        assert ("divided into 7 bursts" in notes[0]) is divided


def test_scene_without_numbers_stays_together(make_usable):
    photos = [make_usable(f"a/{'x' * (n + 1)}.jpg", scene="x") for n in range(20)]
    grouped, notes = name_near_duplicates(photos, 0.65)
    assert len({photo.group for photo in grouped}) == 1
    assert notes[0].endswith("their names have no consecutive numbers, so they stay together in one part")


def test_near_duplicates_in_two_preset_parts_are_two_groups(make_usable):
    photos = [
        make_usable(f"a/{n}.jpg", scene="x" if n < 4 else "", preset="test" if n % 2 else "train") for n in range(30)
    ]
    grouped, _ = name_near_duplicates(photos, 1.0)
    assert len({photo.group for photo in grouped} - {""}) == 2
    assert grouped[0].group == grouped[2].group != grouped[1].group == grouped[3].group


def test_no_photos_have_no_groups():
    assert name_near_duplicates([], 0.65) == ([], [])
