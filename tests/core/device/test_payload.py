"""payload.py: files are inherited, added and replaced, and no path or link leads out of the targets' folders."""

import pytest


def test_inherited_file_is_that_of_the_target_that_lists_it(folder):
    (folder.root / "child" / "demo.py").write_text("not listed by the child")
    assert folder.list_payload("child") == {
        "demo.py": folder.root / "parent" / "demo.py",
        "shared.py": folder.root / "common" / "shared.py",
    }


@pytest.mark.parametrize("name", ["json.py", "hashlib.so", "numpy/__init__.py", "sitecustomize.py", "email/more.txt"])
def test_file_that_hides_a_module_is_refused(folder, name):
    folder.write("child", folder.child + f'[payload]\nadd = ["{name}"]\n')
    path = folder.root / "child" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("")
    module = name.replace("/", ".").partition(".")[0]
    assert folder.get_error("child").message == (
        f"payload.add lists {name!r}, but it would be imported in place of the module {module}"
    )


@pytest.mark.parametrize("name", ["json.md", "jsons.py", "data/json.py", "select"])
def test_file_that_hides_no_module_is_accepted(folder, name):
    folder.write("child", folder.child + f'[payload]\nadd = ["{name}"]\n')
    path = folder.root / "child" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("")
    assert folder.list_payload("child")[name] == path


def test_listed_file_may_be_in_the_folder_of_a_parent(folder, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    text = folder.child + '[payload]\nfiles = ["extra/own.py", "demo.py", "common/shared.py"]\n'
    folder.write("mine", text, root=elsewhere)
    (elsewhere / "mine" / "extra").mkdir()
    (elsewhere / "mine" / "extra" / "own.py").write_text("own")
    assert folder.list_payload("mine", elsewhere) == {
        "extra/own.py": elsewhere / "mine" / "extra" / "own.py",
        "demo.py": folder.root / "parent" / "demo.py",
        "shared.py": folder.root / "common" / "shared.py",
    }


def write_camera_and_lens(folder, files: str = "") -> None:
    """Write a child that adds camera.py, and a grandchild that adds lens.py."""
    folder.write("child", folder.child + '[payload]\nadd = ["camera.py"]\n')
    text = folder.child.replace('"parent"', '"child"') + f'[payload]\n{files}add = ["lens.py"]\n'
    folder.write("grandchild", text)
    (folder.root / "child" / "camera.py").write_text("camera")
    (folder.root / "grandchild" / "lens.py").write_text("lens")


def test_payload_add_adds_to_the_files_of_every_ancestor(folder):
    write_camera_and_lens(folder)
    inherited = {
        "demo.py": folder.root / "parent" / "demo.py",
        "shared.py": folder.root / "common" / "shared.py",
    }
    with_camera = {**inherited, "camera.py": folder.root / "child" / "camera.py"}
    assert folder.list_payload("parent") == inherited
    assert folder.list_payload("child") == with_camera
    assert folder.list_payload("grandchild") == {**with_camera, "lens.py": folder.root / "grandchild" / "lens.py"}


def test_payload_files_replaces_what_ancestors_added(folder):
    write_camera_and_lens(folder, 'files = ["demo.py"]\n')
    assert folder.list_payload("grandchild") == {
        "demo.py": folder.root / "parent" / "demo.py",
        "lens.py": folder.root / "grandchild" / "lens.py",
    }


@pytest.mark.parametrize(
    ("add", "message"),
    [
        ('["demo.py"]', "payload.add lists 'demo.py', but payload.files of parent lists 'demo.py'"),
        ('["Shared.py"]', "payload.add lists 'Shared.py', but payload.files of parent lists 'common/shared.py'"),
        ('["a.py", "a.py"]', "payload.add lists 'a.py', but payload.add of child lists 'a.py'"),
    ],
)
def test_added_file_that_the_payload_already_has_is_refused(folder, add, message):
    path = folder.write("child", f"{folder.child}[payload]\nadd = {add}\n")
    error = folder.get_error("child")
    assert error.message == message and error.where == (str(path), "payload.add")


@pytest.mark.parametrize("name", ["model.json", "Model.JSON", "golden/0.jpg", "sha256sums"])
def test_file_with_a_reserved_name_is_refused(folder, name):
    path = folder.write("parent", folder.parent.replace("common/shared.py", name))
    error = folder.get_error("parent")
    assert error.message.startswith(f"payload.files lists '{name}', but") and "reserved" in error.message
    assert error.where == (str(path), "payload.files")


@pytest.mark.parametrize("name", ["common/demo.py", "Demo.py/more.py"])
def test_file_with_the_name_of_another_file_or_its_folder_is_refused(folder, name):
    """Names are compared without case: the file systems of memory cards ignore it."""
    folder.write("parent", folder.parent.replace("common/shared.py", name))
    message = f"payload.files lists '{name}', but payload.files of parent lists 'demo.py'"
    assert folder.get_error("parent").message == message


@pytest.mark.parametrize("path", ["../parent/demo.py", "/etc/hostname", "a\\\\b", ".hidden", "a/../b", "", "./demo.py"])
def test_path_that_may_lead_out_of_the_folder_is_refused(folder, path):
    folder.write("child", f'{folder.child}[payload]\nfiles = ["{path}"]')
    assert "cannot be a payload path" in folder.get_error("child").message


@pytest.mark.parametrize("path", ["parent/demo.py", "common/shared.py"])
def test_link_out_of_the_folder_is_refused(folder, tmp_path, path):
    (tmp_path / "secret").write_text("secret")
    (folder.root / path).unlink()
    (folder.root / path).symlink_to(tmp_path / "secret")
    assert folder.get_error("parent").message.endswith("is outside the target's folder")


def test_link_inside_the_folder_is_accepted(folder):
    (folder.root / "parent" / "real.py").write_text("real")
    (folder.root / "parent" / "demo.py").unlink()
    (folder.root / "parent" / "demo.py").symlink_to("real.py")
    assert "demo.py" in folder.list_payload("parent")


@pytest.mark.parametrize(("key", "target"), [("files", "parent"), ("add", "child")])
def test_missing_file_is_refused_with_the_place_to_create_it(folder, key, target):
    (folder.root / "parent" / "demo.py").rename(folder.root / "parent" / "moved.py")
    if key == "add":
        folder.write("parent", folder.parent.replace('"demo.py", ', ""))
        folder.write("child", folder.child + '[payload]\nadd = ["demo.py"]\n')
    error = folder.get_error(target)
    path = folder.root / target / "target.toml"
    assert error.message == "no payload file 'demo.py'" and error.where == (str(path), f"payload.{key}")
    assert error.hint == f"create {path.parent / 'demo.py'}"
