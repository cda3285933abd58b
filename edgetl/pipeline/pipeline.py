"""The parts of the pipeline, assembled for one order."""

from dataclasses import dataclass

from edgetl.core.device.targets import Target
from edgetl.pipeline.context import Context
from edgetl.pipeline.delivery import Delivery
from edgetl.pipeline.devices import Devices
from edgetl.pipeline.files import Files
from edgetl.pipeline.model import Model
from edgetl.pipeline.scores import ModelScores
from edgetl.pipeline.selection import Selection


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetPipeline:
    """What one target of an order needs: its files, the choice among them, the bundle, the measurements."""

    target: Target
    context: Context
    model: Model
    files: Files
    selection: Selection
    delivery: Delivery
    devices: Devices


class Pipeline:
    """The model, files and scores of an order, which its targets share."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.model = Model(context)
        self.files = Files(context, self.model)
        self.scores = ModelScores(context, self.model, self.files)

    def for_target(self, target: Target) -> TargetPipeline:
        """Return the parts for one target of the order.

        Raises:
            ConfigError: the order pins a method that the target does not accept.
        """
        return TargetPipeline(
            target=target,
            context=self.context,
            model=self.model,
            files=self.files,
            selection=Selection(self.context, self.files, self.scores, target),
            delivery=Delivery(self.context, self.model, self.scores, target),
            devices=Devices(self.context, self.model, self.scores, target),
        )
