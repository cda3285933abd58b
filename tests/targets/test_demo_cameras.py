"""demo_cameras.py with cameras that speak picamera2's and OpenCV's API: colours, failures, and what is missing."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from edgetl.core.photos import pixels


@pytest.fixture(scope="module")
def cameras(demo):
    return demo("demo_cameras")


@pytest.fixture(scope="module")
def frames(demo):
    return demo("demo_frames")


@pytest.fixture
def scene(tmp_path):
    """What lies before the lens, as a photo: no two of its channels are alike."""
    grid = np.random.default_rng(3).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    grid[..., 0] //= 4
    image = Image.fromarray(grid).resize((64, 48), Image.Resampling.BICUBIC)
    image.save(tmp_path / "scene.png")
    return tmp_path / "scene.png"


class Picamera2:
    """Lays a scene in memory as libcamera does: the name of the format reads from the highest byte to the lowest."""

    scene: np.ndarray
    there = True
    substitute = ""
    left = 3
    failure: Exception = TimeoutError("timed out")
    asked: dict = {}
    open = 0

    def __init__(self):
        type(self).open += 1

    @classmethod
    def global_camera_info(cls):
        return [{"Model": "imx708", "Num": 0}] if cls.there else []

    def create_video_configuration(self, main, queue, controls):
        return {"main": dict(main), "queue": queue, "controls": controls}

    def configure(self, configuration):
        type(self).asked = configuration
        self._format = type(self).substitute or configuration["main"]["format"]

    def camera_configuration(self):
        return {"main": {"format": self._format, "size": (64, 48)}}

    def start(self):
        self._left = type(self).left

    def capture_array(self, name, wait):
        assert name == "main" and wait == 2.0
        if not self._left:
            raise type(self).failure
        self._left -= 1
        letters = self._format.rstrip("0123456789")
        planes = dict(zip("RGB", np.moveaxis(type(self).scene, 2, 0), strict=True))
        return np.stack([planes.get(letter, np.full((48, 64), 255, np.uint8)) for letter in reversed(letters)], axis=2)

    def close(self):
        type(self).open -= 1


@pytest.fixture
def camera(scene, monkeypatch):
    fake = type("Picamera2", (Picamera2,), {"scene": np.asarray(Image.open(scene)), "open": 0})
    module = ModuleType("picamera2")
    module.Picamera2 = fake
    monkeypatch.setitem(sys.modules, "picamera2", module)
    return fake


@pytest.mark.parametrize("given", ["", "RGB888", "XBGR8888", "XRGB8888"])
def test_the_model_sees_the_colours_of_the_scene_whatever_the_camera_gives(cameras, frames, camera, scene, given):
    camera.substitute = given
    source = cameras.picamera2(frames.Wanted(64, 48))
    frame = next(source)
    source.close()
    assert frame.image.mode == "RGB" and frame.capture_ms >= 0
    assert np.array_equal(pixels.fit_image(frame.image, 32, "crop"), pixels.load_photo(scene, 32, "crop"))
    assert camera.asked["main"] == {"format": "BGR888", "size": (64, 48)} and camera.asked["queue"] is False
    assert camera.asked["controls"] == {"FrameRate": 30.0}


def test_red_and_blue_would_show_if_they_were_swapped(cameras, camera, scene):
    """The proof above can fail: BGR in memory read as RGB gives other pixels."""
    swapped = camera.scene[:, :, ::-1]
    assert not np.array_equal(np.asarray(cameras.rgb(swapped, "BGR888")), camera.scene)
    assert np.array_equal(np.asarray(cameras.rgb(swapped, "RGB888")), camera.scene)


def test_a_format_without_plain_colours_is_refused(cameras, frames, camera):
    camera.substitute = "YUV420"
    with pytest.raises(frames.SourceError, match="the camera gives YUV420"):
        next(cameras.picamera2(frames.Wanted()))
    assert camera.open == 0


@pytest.mark.parametrize(
    "failure", [TimeoutError("timed out"), RuntimeError("Camera frontend"), OSError("device gone")]
)
def test_a_camera_that_fails_says_so_and_is_closed(cameras, frames, camera, failure):
    camera.failure = failure
    with pytest.raises(frames.SourceError, match=f"the camera failed: {failure}"):
        list(cameras.picamera2(frames.Wanted()))
    assert camera.open == 0


def test_no_camera_on_the_board(cameras, frames, camera):
    camera.there = False
    with pytest.raises(frames.SourceError, match="look at its cable"):
        next(cameras.picamera2(frames.Wanted()))


def test_what_is_missing_is_named_with_what_to_install(cameras, frames, monkeypatch):
    monkeypatch.setitem(sys.modules, "picamera2", None)
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(frames.SourceError, match=r"sudo apt install python3-picamera2, then sh setup\.sh --demo"):
        next(cameras.picamera2(frames.Wanted()))
    with pytest.raises(frames.SourceError, match=r'-m pip install "opencv-python-headless<4\.12"'):
        next(cameras.v4l2("/dev/video0", frames.Wanted()))


def test_a_picamera2_for_another_numpy(cameras, frames, monkeypatch, tmp_path):
    (tmp_path / "picamera2.py").write_text("raise ValueError('numpy.dtype size changed')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "picamera2", raising=False)
    with pytest.raises(frames.SourceError, match=r"does not fit this numpy: make \.venv anew"):
        cameras.picamera2_library()


class Capture:
    """cv2.VideoCapture over a list of BGR pictures."""

    def __init__(self, cv2, name, backend=None):
        self._cv2, self._left = cv2, list(cv2.pictures)
        cv2.opened.append((name, backend))
        self.options: dict = {}

    def isOpened(self):  # noqa: N802  (OpenCV's name)
        return self._cv2.plugged

    def set(self, what, value):
        self.options[what] = value

    def get(self, what):
        assert what == self._cv2.CAP_PROP_FPS
        return self._cv2.fps

    def read(self):
        return (True, self._left.pop(0)) if self._left else (False, None)

    def release(self):
        self._cv2.released += 1


@pytest.fixture
def cv2(scene, monkeypatch):
    picture = np.asarray(Image.open(scene))[:, :, ::-1]
    names = ("FRAME_WIDTH", "FRAME_HEIGHT", "FPS", "BUFFERSIZE")
    fake = SimpleNamespace(
        CAP_V4L2=200,
        error=type("error", (Exception,), {}),
        pictures=[picture, picture],
        plugged=True,
        opened=[],
        released=0,
        fps=200.0,
        **{f"CAP_PROP_{name}": index for index, name in enumerate(names)},
    )
    fake.VideoCapture = lambda *arguments: Capture(fake, *arguments)
    monkeypatch.setitem(sys.modules, "cv2", fake)
    return fake


def test_a_usb_camera_gives_its_colours_until_it_is_pulled(cameras, frames, cv2, scene):
    source = cameras.v4l2("/dev/video0", frames.Wanted())
    seen = [next(source), next(source)]
    assert np.array_equal(np.asarray(seen[1].image), np.asarray(Image.open(scene)))
    with pytest.raises(frames.SourceError, match="is it still plugged in"):
        next(source)
    assert cv2.opened == [("/dev/video0", cv2.CAP_V4L2)] and cv2.released == 1


def test_a_usb_camera_that_is_not_there(cameras, frames, cv2):
    cv2.plugged = False
    with pytest.raises(frames.SourceError, match="/dev/video0 cannot be opened: is it plugged in"):
        next(cameras.v4l2("/dev/video0", frames.Wanted()))
    assert cv2.released == 1


@pytest.mark.parametrize("fps", [200.0, 0.0, float("nan"), 1e9])
def test_a_video_begins_again_at_its_own_pace(cameras, cv2, scene, tmp_path, fps, monkeypatch):
    slept: list[float] = []
    monkeypatch.setattr(cameras.time, "sleep", slept.append)
    cv2.fps = fps
    source = cameras.video(tmp_path / "clip.mp4")
    seen = [next(source) for _ in range(5)]
    source.close()
    assert len(cv2.opened) == 3 and cv2.released == 3
    assert np.array_equal(np.asarray(seen[4].image), np.asarray(Image.open(scene)))
    assert slept and max(slept) <= 2 / (200 if fps == 200 else 25)
    assert max(slept) > 0.5 / (200 if fps == 200 else 25)


def test_a_video_without_pictures(cameras, frames, cv2, tmp_path):
    cv2.pictures = []
    with pytest.raises(frames.SourceError, match="no video that OpenCV can read"):
        next(cameras.video(tmp_path / "clip.mp4"))
