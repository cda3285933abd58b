"""label_formats.py: the form of a labels file is recognised by its content, and never taken for another one."""

import json

import pytest

from edgetl.core.errors import ConfigError
from edgetl.core.label_files.label_formats import parse_labels

NUMBERED = [(0, "cat"), (1, "big dog")]


def parse(text: str, suffix: str = ".txt", outputs: int = 2, folders: tuple[str, ...] = ()) -> list[tuple[int, str]]:
    return [(entry.number, entry.name) for entry in parse_labels(text, suffix, outputs, folders)]


@pytest.mark.parametrize(
    "separator", [" ", ": ", ":", "\t", ", ", ",", ";", " = ", "  ", " : ", ". ", ") ", " - ", "\u00a0"]
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n", ""])
def test_lines_that_begin_with_numbers_are_numbered(separator, end):
    assert parse(f"0{separator}cat\n1{separator}big dog{end}") == NUMBERED


@pytest.mark.parametrize("separator", [": ", ":", "\t", ", ", ",", ";", " = "])
def test_lines_that_end_with_numbers_are_numbered(separator):
    assert parse(f"cat{separator}0\nbig dog{separator}1\n") == NUMBERED


def test_order_and_zeros_before_numbers_do_not_matter():
    assert sorted(parse("001 big dog\n\n000 cat\n")) == NUMBERED


@pytest.mark.parametrize(
    "lines",
    [
        ["cat", "big dog"],
        ["1 euro", "2 euro", "50 cent"],
        ["1 euro", "2 euro"],
        ["0 euro", "euro"],
        ["0.5 mm", "0.0 mm"],
        ["0)", "1)"],
        ["background", "1 euro", "2 euro"],
        ["grade 0", "grade 1"],
        ["0", "1", "2"],
        ["0.5 mm", "1 mm"],
        ["0%", "100%"],
        ["tench, Tinca tinca", "goldfish, Carassius auratus"],
        ["3 of a kind", "full house"],
        ["time 0:30", "time 1:30"],
        ["-1: a", "0: b"],
        ["#0", "{cat}"],
        ["'cat'", '"dog"'],
    ],
)
def test_other_lines_are_names(lines):
    assert parse("\n".join(lines)) == [(-1, line) for line in lines]


def test_lines_that_are_the_class_folders_are_names():
    lines = ["0 euro", "1 euro", "2 euro"]
    assert parse("\n".join(lines), folders=("1 euro", "0 euro")) == [(-1, line) for line in lines]
    assert parse("\n".join(lines), folders=("euro",)) == [(0, "euro"), (1, "euro"), (2, "euro")]


def test_empty_line_between_names_is_an_empty_name():
    assert parse("cat\n\ndog\n") == [(-1, "cat"), (-1, ""), (-1, "dog")]


@pytest.mark.parametrize(
    "value",
    [
        {"0": "cat", "1": "big dog"},
        {"1": "big dog", "0": "cat"},
        {"cat": 0, "big dog": 1},
        {"id2label": {"0": "cat", "1": "big dog"}, "label2id": {"cat": 0, "big dog": 1}, "model_type": "vit"},
        {"class_indices": {"cat": 0, "big dog": 1}},
        {"0": ["n02121620", "cat"], "1": ["n02084071", "big dog"]},
    ],
)
@pytest.mark.parametrize("suffix", [".json", ".txt"])
def test_json_maps_are_read_in_both_directions(value, suffix):
    assert sorted(parse(json.dumps(value, indent=1), suffix)) == NUMBERED


@pytest.mark.parametrize("value", [["cat", "big dog"], {"labels": ["cat", "big dog"]}, {"names": ["cat", "big dog"]}])
def test_json_lists_are_in_the_order_of_the_outputs(value):
    assert parse(json.dumps(value), ".json") == [(-1, "cat"), (-1, "big dog")]


def test_json_list_may_have_names_that_look_like_numbered_lines():
    assert parse('["0 euro", "1 euro"]') == [(-1, "0 euro"), (-1, "1 euro")]


@pytest.mark.parametrize(("text", "expected"), [('{"7": 0, "8": 1}', [(0, "7"), (1, "8")]), ('{"0": "7"}', [(0, "7")])])
def test_names_that_are_digits_are_told_from_numbers_by_their_type(text, expected):
    assert parse(text, ".json") == expected


def test_identifier_tells_equal_names_apart():
    value = {"0": ["n01", "crane"], "1": ["n02", "crane"], "2": ["n03", "tench"]}
    assert parse(json.dumps(value)) == [(0, "crane (n01)"), (1, "crane (n02)"), (2, "tench")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"0": "cat", "0": "dog"}', "key '0' is twice in the JSON"),
        ('{"cat": "dog"}', "JSON with the keys cat is not a list of names"),
        ('{"cat": true}', "is not a list of names"),
        ('{"cat": -1}', "is not a list of names"),
        ("[0, 1]", "the JSON is not a list of names"),
        ("{}", "is not a list of names"),
        ("{cat", "begins like JSON, and is not JSON"),
        ("[" * 100_000, "begins like JSON, and is not JSON"),
    ],
)
def test_other_json_is_an_error(text, message):
    with pytest.raises(ConfigError, match=message):
        parse(text, ".json")


@pytest.mark.parametrize(
    "text",
    [
        "0,cat\n1,big dog\n",
        "index,name\n0,cat\n1,big dog\n",
        "cat,0\nbig dog,1\n",
        "name,index\ncat,0\nbig dog,1\n",
        "label,class_id\ncat,0\nbig dog,1\n",
        "0;cat\n1;big dog\n",
        "0\tcat\n1\tbig dog\n",
        '0,"cat"\n1,"big dog"\n',
        ",name\n0,cat\n1,big dog\n",
        "index,wnid,name\n0,n1,cat\n1,n2,big dog\n",
        "Category,Index\r\ncat,0\r\nbig dog,1\r\n",
    ],
)
def test_tables_are_read_with_and_without_a_header(text):
    assert sorted(parse(text, ".csv")) == NUMBERED


def test_quoted_name_with_a_comma_is_one_name():
    assert parse('0,"tench, Tinca tinca"\n1,goldfish\n', ".csv") == [(0, "tench, Tinca tinca"), (1, "goldfish")]


def test_header_decides_where_names_are_digits():
    assert parse("index,name\n0,7\n1,8\n", ".csv") == [(0, "7"), (1, "8")]
    assert parse("name,index\n7,0\n8,1\n", ".csv") == [(0, "7"), (1, "8")]


def test_table_of_one_column_has_a_header_if_it_has_one_line_too_many():
    assert parse("name\ncat\ndog\n", ".csv") == [(-1, "cat"), (-1, "dog")]
    assert parse("label\ncat\ndog\n", ".csv", outputs=3) == [(-1, "label"), (-1, "cat"), (-1, "dog")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0,7\n1,8\n", "the columns 0, 7 are not a number and a name"),
        ("cat,dog\nbird,fish\n", "the columns cat, dog are not a number and a name"),
        ("0,cat\n1,dog,bird\n", "line 2: 3 columns, and the first line has 2"),
        ("index,name\n0,cat\nx,dog\n", "line 3: 'x' is no number of an output"),
        ("0,n1,cat\n1,n2,dog\n", "the columns 0, n1, cat are not a number and a name"),
    ],
)
def test_table_that_can_be_read_in_two_ways_or_none_is_an_error(text, message):
    with pytest.raises(ConfigError, match=message):
        parse(text, ".csv")


@pytest.mark.parametrize("first", ["# classes", "index name", "index,name", "names:"])
@pytest.mark.parametrize("separator", [" ", ",", ": "])
def test_line_without_a_number_above_numbered_lines_is_an_error(first, separator):
    text = f"{first}\n0{separator}cat\n1{separator}dog\n"
    with pytest.raises(ConfigError, match=f"line 1: '{first}' has no number, and all other lines have one"):
        parse(text, outputs=3)
    with pytest.raises(ConfigError, match=f"line 1: '{first}' has no number"):
        parse(f"{first}\ncat: 0\ndog: 1\n", outputs=3)


@pytest.mark.parametrize("body", ["0,cat\n1,big dog\n", "cat;0\nbig dog;1\n"])
def test_comment_above_a_table_is_an_error(body):
    with pytest.raises(ConfigError, match="line 1: 1 column, and all other lines have 2"):
        parse(f"# made in May\n{body}", ".csv", outputs=3)


@pytest.mark.parametrize("value", [{"0": "1", "1": "2", "2": "0"}, {"10": "20", "20": "30", "30": "10"}])
def test_map_of_digits_with_two_readings_is_an_error(value):
    with pytest.raises(ConfigError, match="maps digits to digits, so that either may be the names"):
        parse(json.dumps(value), ".json", outputs=3)


@pytest.mark.parametrize("value", [{"0": "0", "1": "1"}, {"0": "1", "1": "0"}])
def test_map_of_digits_that_is_its_own_inverse_has_one_reading(value):
    assert parse(json.dumps(value), ".json") == [(int(key), name) for key, name in value.items()]


@pytest.mark.parametrize(
    ("value", "keys"),
    [
        ({"id2label": {"0": "cat", "1": "dog"}, "label2id": {"cat": 1, "dog": 0}}, "'label2id' than below 'id2label'"),
        ({"labels": ["cat", "dog"], "names": ["dog", "cat"]}, "'names' than below 'labels'"),
        ({"labels": ["cat", "dog"], "classes": ["cat", "dog", "owl"]}, "'classes' than below 'labels'"),
    ],
)
def test_json_that_contradicts_itself_is_an_error(value, keys):
    with pytest.raises(ConfigError, match=f"other names or numbers below {keys}"):
        parse(json.dumps(value), ".json")


def test_identifiers_are_the_names_if_the_folders_are_called_like_them():
    text = json.dumps({"0": ["n01", "crane"], "1": ["n02", "crane"], "2": ["n03", "tench"]})
    assert parse(text, folders=("n03", "n01")) == [(0, "n01"), (1, "n02"), (2, "n03")]
    assert parse(text, folders=("tench",)) == [(0, "crane (n01)"), (1, "crane (n02)"), (2, "tench")]


@pytest.mark.parametrize("text", ["['cat', 'dog']", "{0: 'cat', 1: 'dog'}", '{"id": 0}\n{"id": 1}'])
def test_text_that_is_nearly_json_is_an_error_with_the_form(text):
    with pytest.raises(ConfigError, match="begins like JSON, and is not JSON") as caught:
        parse(text)
    assert 'write ["first name", "second name"]' in caught.value.hint
