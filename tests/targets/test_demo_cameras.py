"""demo_cameras.py with fakes of picamera2 and OpenCV: colours, failures, and missing libraries."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from edgetl.core.photos import pixels


@pytest.fixture(scope="module")
def demo_cameras(import_payload):
    return import_payload("demo_cameras")


@pytest.fixture(scope="module")
def demo_frames(import_payload):
    return import_payload("demo_frames")


@pytest.fixture
def scene(tmp_path):
    """A photo of the scene before the camera. Its three channels differ, so that a swap would be visible."""
    grid = np.random.default_rng(3).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    grid[..., 0] //= 4
    image = Image.fromarray(grid).resize((64, 48), Image.Resampling.BICUBIC)
    image.save(tmp_path / "scene.png")
    return tmp_path / "scene.png"


class FakePicamera2:
    """Delivers arrays in libcamera's memory order: the name of a format reads from the highest byte to the lowest."""

    scene: np.ndarray
    connected = True
    substitute = ""
    frames = 3
    failure: Exception = TimeoutError("timed out")
    configuration: dict = {}
    open = 0

    def __init__(self):
        type(self).open += 1

    @classmethod
    def global_camera_info(cls):
        return [{"Model": "imx708", "Num": 0}] if cls.connected else []

    def create_video_configuration(self, main, queue, controls):
        return {"main": dict(main), "queue": queue, "controls": controls}

    def configure(self, configuration):
        type(self).configuration = configuration
        self._format = type(self).substitute or configuration["main"]["format"]

    def camera_configuration(self):
        return {"main": {"format": self._format, "size": (64, 48)}}

    def start(self):
        self._remaining = type(self).frames

    def capture_array(self, name, wait):
        assert name == "main" and wait == 2.0
        if not self._remaining:
            raise type(self).failure
        self._remaining -= 1
        letters = self._format.rstrip("0123456789")
        planes = dict(zip("RGB", np.moveaxis(type(self).scene, 2, 0), strict=True))
        return np.stack([planes.get(letter, np.full((48, 64), 255, np.uint8)) for letter in reversed(letters)], axis=2)

    def close(self):
        type(self).open -= 1


@pytest.fixture
def camera(scene, monkeypatch):
    fake = type("Picamera2", (FakePicamera2,), {"scene": np.asarray(Image.open(scene)), "open": 0})
    module = ModuleType("picamera2")
    module.Picamera2 = fake
    monkeypatch.setitem(sys.modules, "picamera2", module)
    return fake


@pytest.mark.parametrize("substitute", ["", "RGB888", "XBGR8888", "XRGB8888"])
def test_model_input_has_the_colours_of_the_scene_in_every_format(demo_cameras, demo_frames, camera, scene, substitute):
    camera.substitute = substitute
    frames = demo_cameras.read_picamera2(demo_frames.FrameRequest(64, 48))
    frame = next(frames)
    frames.close()
    assert frame.image.mode == "RGB" and frame.capture_ms >= 0
    assert np.array_equal(pixels.fit_image(frame.image, 32, 32, "crop"), pixels.load_photo(scene, 32, 32, "crop"))
    assert camera.configuration["main"] == {"format": "BGR888", "size": (64, 48)}
    assert camera.configuration["queue"] is False
    assert camera.configuration["controls"] == {"FrameRate": 30.0}


def test_swapped_red_and_blue_would_be_detected(demo_cameras, camera):
    """The test above can fail: blue, green, red in memory read as BGR888 gives other pixels."""
    swapped = camera.scene[:, :, ::-1]
    assert not np.array_equal(np.asarray(demo_cameras.convert_to_rgb(swapped, "BGR888")), camera.scene)
    assert np.array_equal(np.asarray(demo_cameras.convert_to_rgb(swapped, "RGB888")), camera.scene)


def test_unsupported_pixel_format_is_refused(demo_cameras, demo_frames, camera):
    camera.substitute = "YUV420"
    with pytest.raises(demo_frames.SourceError, match="the camera delivers YUV420"):
        next(demo_cameras.read_picamera2(demo_frames.FrameRequest()))
    assert camera.open == 0


@pytest.mark.parametrize(
    "failure", [TimeoutError("timed out"), RuntimeError("Camera frontend"), OSError("device gone")]
)
def test_failed_camera_is_reported_and_closed(demo_cameras, demo_frames, camera, failure):
    camera.failure = failure
    with pytest.raises(demo_frames.SourceError, match=f"the camera failed: {failure}"):
        list(demo_cameras.read_picamera2(demo_frames.FrameRequest()))
    assert camera.open == 0


def test_missing_camera_is_reported(demo_cameras, demo_frames, camera):
    camera.connected = False
    with pytest.raises(demo_frames.SourceError, match="check its cable"):
        next(demo_cameras.read_picamera2(demo_frames.FrameRequest()))


def test_missing_library_is_reported_with_the_command_that_installs_it(demo_cameras, demo_frames, monkeypatch):
    monkeypatch.setitem(sys.modules, "picamera2", None)
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(demo_frames.SourceError, match=r"sudo apt install python3-picamera2, then sh setup\.sh --demo"):
        next(demo_cameras.read_picamera2(demo_frames.FrameRequest()))
    with pytest.raises(demo_frames.SourceError, match=r'-m pip install "opencv-python-headless<4\.12"'):
        next(demo_cameras.read_v4l2("/dev/video0", demo_frames.FrameRequest()))


def test_picamera2_compiled_for_another_numpy_is_reported(demo_cameras, demo_frames, monkeypatch, tmp_path):
    (tmp_path / "picamera2.py").write_text("raise ValueError('numpy.dtype size changed')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "picamera2", raising=False)
    with pytest.raises(demo_frames.SourceError, match=r"does not match this numpy: remove \.venv"):
        demo_cameras.import_picamera2()


class FakeCapture:
    """cv2.VideoCapture over a list of BGR arrays."""

    def __init__(self, cv2, name, backend=None):
        self._cv2, self._remaining = cv2, list(cv2.arrays)
        cv2.opened.append((name, backend))
        self.options: dict = {}

    def isOpened(self):  # noqa: N802  (OpenCV's name)
        return self._cv2.connected

    def set(self, option, value):
        self.options[option] = value

    def get(self, option):
        assert option == self._cv2.CAP_PROP_FPS
        return self._cv2.fps

    def read(self):
        return (True, self._remaining.pop(0)) if self._remaining else (False, None)

    def release(self):
        self._cv2.released += 1


@pytest.fixture
def cv2(scene, monkeypatch):
    array = np.asarray(Image.open(scene))[:, :, ::-1]
    options = ("FRAME_WIDTH", "FRAME_HEIGHT", "FPS", "BUFFERSIZE")
    fake = SimpleNamespace(
        CAP_V4L2=200,
        error=type("error", (Exception,), {}),
        arrays=[array, array],
        connected=True,
        opened=[],
        released=0,
        fps=200.0,
        **{f"CAP_PROP_{name}": index for index, name in enumerate(options)},
    )
    fake.VideoCapture = lambda *arguments: FakeCapture(fake, *arguments)
    monkeypatch.setitem(sys.modules, "cv2", fake)
    return fake


def test_usb_camera_delivers_the_colours_of_the_scene_until_disconnected(demo_cameras, demo_frames, cv2, scene):
    frames = demo_cameras.read_v4l2("/dev/video0", demo_frames.FrameRequest())
    first_two = [next(frames), next(frames)]
    assert np.array_equal(np.asarray(first_two[1].image), np.asarray(Image.open(scene)))
    with pytest.raises(demo_frames.SourceError, match="is it still connected"):
        next(frames)
    assert cv2.opened == [("/dev/video0", cv2.CAP_V4L2)] and cv2.released == 1


def test_missing_usb_camera_is_reported(demo_cameras, demo_frames, cv2):
    cv2.connected = False
    with pytest.raises(demo_frames.SourceError, match="/dev/video0 cannot be opened: is it connected"):
        next(demo_cameras.read_v4l2("/dev/video0", demo_frames.FrameRequest()))
    assert cv2.released == 1


@pytest.mark.parametrize(("fps", "rate_hz"), [(200.0, 200), (0.0, 25), (float("nan"), 25), (1e9, 25)])
def test_video_is_repeated_at_its_frame_rate(demo_cameras, cv2, scene, tmp_path, fps, rate_hz, monkeypatch):
    # Sleeping advances the clock, so that pauses are exact: no time passes otherwise.
    clock, pauses = SimpleNamespace(s=0.0), []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        clock.s += seconds

    monkeypatch.setattr(demo_cameras, "time", SimpleNamespace(perf_counter=lambda: clock.s, sleep=sleep))
    cv2.fps = fps
    frames = demo_cameras.read_video(tmp_path / "clip.mp4")
    first_five = [next(frames) for _ in range(5)]
    frames.close()
    assert len(cv2.opened) == 3 and cv2.released == 3
    assert np.array_equal(np.asarray(first_five[4].image), np.asarray(Image.open(scene)))
    assert pauses == pytest.approx([1 / rate_hz] * 4)


def test_video_without_frames_is_reported(demo_cameras, demo_frames, cv2, tmp_path):
    cv2.arrays = []
    with pytest.raises(demo_frames.SourceError, match="not a video that OpenCV can read"):
        next(demo_cameras.read_video(tmp_path / "clip.mp4"))
