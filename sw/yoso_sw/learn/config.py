"""What a training run is: checked dataclasses, which `config_file` reads from a TOML file."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from yoso_hw.params import ChipParams

from yoso_sw.data.augment import Augment
from yoso_sw.data.views import VIEWS, family, views_of
from yoso_sw.learn import rules
from yoso_sw.learn.layer_config import LARGEST, LayerConfig
from yoso_sw.network.layer import Window
from yoso_sw.network.network import CODES, DECISIONS, NEVER

#: How the learning rate goes on after `warmup` batches.
SCHEDULES = ("cosine", "constant")


class ConfigError(ValueError):
    """A training configuration is not valid; the message names the file, the key and what is allowed."""


@dataclass(frozen=True)
class TrainConfig:
    """A network and how to train it.

    Parameters
    ----------
    name, dataset, seed
        Name of the network; its data set, by name or path (`data.registry.find`); seed of everything random,
        of a drawn split too.
    rule
        The learning rule, one of `rules.RULES`; each says in its `limits` what it can train.
    steps, levels, decision, weight_bits, code
        As in `network.Network`.
    window_us
        Microseconds of a recording that are binned into `levels`; 0: all of it (`streams.binned`).
    acc_bits, pot_bits
        As in `network.Network`; at most 24, so that the trainer's floats hold every A and V.
    float_epochs, integer_epochs
        Epochs in float weights and continuous time, then with integer weights and whole steps; 0 of the
        latter for a rule that has no integers.
    lr, integer_lr
        Adam's highest learning rate in the float and in the integer phase, to which it rises over `warmup`
        batches.
    schedule
        "cosine": it falls as one to 0. "constant": it stays, and training may go on for as long as one likes.
    fused
        Whether Adam runs as one kernel, which is faster and rounds otherwise.
    batch_size, validation
        Images a batch; training images, the last, that validate where the set has no validation part.
    images
        Training images an epoch, drawn anew each time; 0: all.
    revive
        Whether a silent output neuron learns as if it had fired at the end of its window (our choice;
        without, it passes no gradient, as in the paper).
    temperature
        Of the softmax: in steps for spike times (eq. 12), in units of V for potentials.
    label_smoothing
        The share of a label that goes to all classes alike.
    logit_adjustment
        How much each class is favoured, in logits; empty: all alike. The loss sees its logit that much lower
        (Menon et al. 2021), and an output bias begins that much higher (`Stdbp.adjust_bias`).
    weight_decay
        Of the float phase, decoupled from the gradient (AdamW).
    min_slope
        The gradient of spike times takes the slope of the potential for at least this many
        theta / (steps - 1) (`stdbp.spike_times`); 0: as it is.
    ridge_penalty
        Penalty of the ridge regression that gives the first weights of a network with one hidden layer, in
        squared lengths of a mean image (`ridge.begin`); 0: random weights alone.
    teacher, teacher_weight, teacher_temperature
        A trained network of ``sw/networks`` to distil; "": none. Its softmax, at this many times the
        temperature that it learnt at, has this weight in the labels, beside the true ones
        (`teacher.Teacher`).
    distortions
        How many copies there are of the training images, each distorted (`augment`) in its own way, which
        epochs take in turn; a teacher is asked once for each. 0: every epoch distorts anew, and asks anew.
    backward_every
        Rule clif: the loss goes back through every so manieth step alone, the last of each so many
        (`clif.gradient`; backward phase skipping); 1: through all.
    steepness
        Rule clif: how fast the gradient of a spike falls with V's distance from the threshold
        (`clif.surrogate.slope`).
    freeze_out
        Rule clif: t0 of FreezeOut, the share of a phase, before it is cubed, after which the first layer no
        longer learns (`freeze_out`); 0: all layers learn to the end.
    even_epochs
        Rules count and tandem: for so many epochs, the first, training takes the spikes of a layer to come
        evenly over its steps (`count.layer`), which is one product a layer in place of one a step; 0: none.
    inputs
        Pixels of an image, in all channels.
    rows, channels
        Rows and channels of an image, for convolution, distortion and pictures of any size; its columns are
        inputs / rows / channels.
    """

    name: str
    layers: tuple[LayerConfig, ...]
    steps: int
    levels: int
    float_epochs: int
    integer_epochs: int
    rule: str = "stdbp"
    dataset: str = ""
    seed: int = 1
    decision: str = "ttfs"
    weight_bits: int = 5
    acc_bits: int = 16
    pot_bits: int = 20
    lr: float = 1e-3
    integer_lr: float = 5e-4
    schedule: str = "cosine"
    warmup: int = 200
    fused: bool = True
    batch_size: int = 128
    validation: int = 5000
    images: int = 0
    revive: bool = True
    temperature: float = 1.0
    label_smoothing: float = 0.0
    logit_adjustment: tuple[float, ...] = ()
    weight_decay: float = 0.0
    min_slope: float = 0.0
    ridge_penalty: float = 0.0
    teacher: str = ""
    teacher_weight: float = 1.0
    teacher_temperature: float = 1.0
    distortions: int = 0
    backward_every: int = 1
    steepness: float = 10.0
    freeze_out: float = 0.0
    even_epochs: int = 0
    inputs: int = 784
    rows: int = 28
    channels: int = 1
    code: str = "ttfs"
    window_us: int = 0
    augment: Augment = field(default_factory=Augment)

    def __post_init__(self) -> None:
        def check(condition: bool, message: str) -> None:
            if not condition:
                raise ConfigError(f"{self.name}: {message}")

        known = ", ".join(rules.RULES)
        check(self.rule in rules.RULES, f"rule={self.rule!r} is not one of {known}")
        check(len(self.layers) > 0, "there are no [[layers]]")
        for key, least, most in (
            ("steps", 2, NEVER - 1),
            ("inputs", 1, LARGEST),
            ("rows", 1, LARGEST),
            ("channels", 1, LARGEST),
            ("seed", 0, (1 << 63) - 1),
            ("warmup", 0, LARGEST),
            ("window_us", 0, (1 << 63) - 1),
            ("distortions", 0, LARGEST),
        ):
            value = getattr(self, key)
            check(least <= value <= most, f"{key}={value} is outside {least}..{most}")
        for key in ("lr", "integer_lr"):
            check(getattr(self, key) > 0, f"{key}={getattr(self, key)} is not positive")
        check(self.decision in DECISIONS, f"decision={self.decision!r} is not one of {DECISIONS}")
        check(self.code in CODES, f"code={self.code!r} is not one of {CODES}")
        check(2 <= self.weight_bits <= 8, f"weight_bits={self.weight_bits} is outside 2..8")
        check(
            self.weight_bits <= self.acc_bits <= self.pot_bits <= 24,
            f"acc_bits={self.acc_bits} and pot_bits={self.pot_bits}: not weight_bits={self.weight_bits} <= "
            "acc_bits <= pot_bits <= 24",
        )
        check(1 <= self.levels <= min(self.steps, 256), f"levels={self.levels} is outside 1..min(steps, 256)")
        check(self.batch_size >= 1, f"batch_size={self.batch_size} is below 1")
        check(self.validation >= 1, f"validation={self.validation} is below 1")
        check(
            self.float_epochs >= 1, f"float_epochs={self.float_epochs} is below 1: integers start from floats"
        )
        if self.exports:
            check(self.integer_epochs >= 1, f"integer_epochs={self.integer_epochs} is below 1")
        else:
            only = f"rule {self.rule} has no integers and can only have integer_epochs=0"
            check(self.integer_epochs == 0, f"integer_epochs={self.integer_epochs}; {only}")
        check(self.backward_every >= 1, f"backward_every={self.backward_every} is below 1: 1 is every step")
        check(self.steepness > 0, f"steepness={self.steepness} is not positive")
        check(
            self.freeze_out == 0 or 0 < self.freeze_out <= 1,
            f"freeze_out={self.freeze_out} is outside 0..1; 0: no layer is frozen",
        )
        if self.freeze_out:
            only = "it can only have schedule='cosine', of which each layer has its own"
            check(
                self.schedule == "cosine",
                f"freeze_out={self.freeze_out} and schedule={self.schedule!r}; {only}",
            )
        epochs = self.float_epochs + self.integer_epochs
        check(
            0 <= self.even_epochs <= epochs,
            f"even_epochs={self.even_epochs} is outside 0..{epochs}, all epochs",
        )
        check(self.schedule in SCHEDULES, f"schedule={self.schedule!r} is not one of {SCHEDULES}")
        check(
            self.images == 0 or self.images >= self.batch_size,
            f"images={self.images} are fewer than batch_size={self.batch_size}; 0: all",
        )
        check(self.temperature > 0, f"temperature={self.temperature} is not positive")
        check(0 <= self.label_smoothing < 1, f"label_smoothing={self.label_smoothing} is outside 0..1")
        classes = self.layers[-1].neurons
        check(
            len(self.logit_adjustment) in (0, classes)
            and all(
                isinstance(own, int | float) and not isinstance(own, bool) and math.isfinite(own)
                for own in self.logit_adjustment
            ),
            f"logit_adjustment={list(self.logit_adjustment)} are not {classes} numbers, one an output neuron",
        )
        for key in ("weight_decay", "min_slope", "ridge_penalty"):
            check(getattr(self, key) >= 0, f"{key}={getattr(self, key)} is negative")
        check(
            self.ridge_penalty == 0 or [layer.kernel for layer in self.layers] == [0, 0],
            f"ridge_penalty={self.ridge_penalty} needs one dense hidden layer and a dense output layer",
        )
        check(0 <= self.teacher_weight <= 1, f"teacher_weight={self.teacher_weight} is outside 0..1")
        check(self.teacher_temperature > 0, f"teacher_temperature={self.teacher_temperature} is not positive")
        for i, layer in enumerate(self.layers):
            for fault in layer.faults(self.steps):
                raise ConfigError(f"{self.name}: layer {i}: {fault}")
        if self.layers[0].kernel or self.augment != Augment():
            several = f" in channels={self.channels}" if self.channels > 1 else ""
            check(
                self.inputs % (self.rows * self.channels) == 0,
                f"inputs={self.inputs} pixels are no rows={self.rows} of equal length{several}",
            )
        check(
            not self.distortions or self.augment != Augment(),
            f"distortions={self.distortions} needs an [augment], which says how copies are distorted",
        )
        erase, crop = self.augment.erase, self.augment.crop
        check(0 <= erase <= 1, f"augment: erase={erase} is outside 0..1")
        check(0 <= crop <= self.rows, f"augment: crop={crop} is outside 0..{self.rows}, the rows")
        self.windows()
        for refusal in rules.limits(self.rule).refusals(self):
            raise ConfigError(f"{self.name}: rule {self.rule}: {refusal}")

    @property
    def copies(self) -> int:
        """Copies of the training images that epochs take in turn; 0: each epoch has its own.

        Images that are not distorted are one copy, which matters to those who ask a teacher.
        """
        plain = self.augment == Augment()
        return 1 if plain and self.teacher else 0 if plain else self.distortions

    @property
    def exports(self) -> bool:
        """Whether its rule ends with an integer network."""
        return rules.limits(self.rule).EXPORTS

    def check_exports(self) -> None:
        """Raise `ConfigError` if its rule ends without an integer network."""
        if not self.exports:
            raise ConfigError(
                f"{self.name}: rule {self.rule} has no integers: training ends with float weights, "
                "and there is no network for golden model or chip"
            )

    @property
    def chip(self) -> ChipParams:
        """The default chip with A and V as wide as the network wants them."""
        weight_bits = min(ChipParams.weight_bits, self.acc_bits)  # its weights may not be wider than A
        return ChipParams(weight_bits=weight_bits, acc_bits=self.acc_bits, pot_bits=self.pot_bits)

    @property
    def family(self) -> str:
        """The data set, however its images are seen."""
        return family(self.dataset)

    @property
    def classes(self) -> int:
        return self.layers[-1].neurons

    @property
    def cols(self) -> int:
        """Columns of an image, if `rows` and `channels` divide `inputs`."""
        return self.inputs // (self.rows * self.channels)

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Rows and columns of an image, and its channels if there are several; None if they do not divide
        `inputs`."""
        if self.inputs % (self.rows * self.channels):
            return None
        return self.rows, self.cols, *([self.channels] if self.channels > 1 else [])

    @property
    def strategies(self) -> str:
        """What it uses beyond the paper's STDBP, in words."""
        layers = self.layers
        used = {
            "constant-slope windows": any(layer.neuron.slope == "constant" for layer in layers),
            "bias axons": any(layer.bias for layer in layers),
            **{f"images as {VIEWS[name].noun}": True for name in views_of(self.dataset)},
            "augmented images": self.augment != Augment(),
            "dropout": any(layer.dropout for layer in layers),
            "folded batch normalisation": any(layer.batch_norm for layer in layers),
            "centred weights": any(layer.centred for layer in layers),
            "first weights by ridge regression": self.ridge_penalty > 0,
            "a penalty on spikes": any(layer.spike_penalty for layer in layers),
            "a penalty on silent neurons": any(layer.silence_penalty for layer in layers),
            "weight decay": self.weight_decay > 0,
            "logit adjustment": len(set(self.logit_adjustment)) > 1,
            "label smoothing": self.label_smoothing > 0,
            "a minimum slope in the gradient": self.min_slope > 0,
            f"distillation from {self.teacher}": bool(self.teacher),
            f"every {self.backward_every} steps one that goes back": self.backward_every > 1,
            f"{self.distortions} distorted copies": self.distortions > 0,
            f"{self.even_epochs} epochs of even spikes": self.even_epochs > 0,
            "layers that freeze": self.freeze_out > 0,
            f"{self.weight_bits}-bit weights": True,
        }
        return ", ".join(name for name, is_used in used.items() if is_used)

    def windows(self) -> tuple[Window | None, ...]:
        """Geometry of each layer's convolution, None where it is dense. Raises `ConfigError`."""
        windows: list[Window | None] = []
        shape: tuple[int, int, int] | None = (self.rows, self.cols, self.channels)
        for i, layer in enumerate(self.layers):
            if not layer.kernel:
                shape = None
                windows.append(None)
                continue
            if shape is None:
                raise ConfigError(f"{self.name}: layer {i}: a convolution follows a dense layer")
            window = Window(*shape, layer.kernel, layer.stride, layer.padding)
            for fault in window.faults:
                raise ConfigError(f"{self.name}: layer {i}: {fault}")
            rows, cols = window.out_rows, window.out_cols
            if layer.pool and (rows % 2 or cols % 2):
                raise ConfigError(
                    f"{self.name}: layer {i}: {rows} x {cols} positions cannot be pooled in 2 x 2"
                )
            side = 2 if layer.pool else 1
            shape = rows // side, cols // side, layer.neurons
            windows.append(window)
        return tuple(windows)
