"""`Profile`: the known facts of a device: its core, compilers, kernels, memories and emulator."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

# Devices of `edgekit bench --device`.
FORMS = ("local", "qemu", "ssh://[user@]host[:port]", "adb[:serial]")
SEMIHOSTING = (
    "-nographic",
    "-monitor",
    "none",
    "-serial",
    "none",
    "-semihosting-config",
    "enable=on,target=native",
)
OWN_NAME = {"arm": "armv7l"}  # Linux's name for the core of a compiler


@dataclass(frozen=True)
class Region:
    """A memory of a microcontroller: its first address and its size."""

    start: int
    bytes: int


@dataclass(frozen=True)
class Part:
    """A microcontroller on the market, and its maker's data on memories in the chip or in its package."""

    name: str
    flash_bytes: int
    ram_bytes: int
    source: str


@dataclass(frozen=True)
class KernelCosts:
    """What the choice of x86 kernels for convolutions needs to know of a processor: a row of ``kernel_costs.toml``.

    Times are in that of a product of a vector.

    Attributes:
        row: where it is from, for people.
        channels_start: beginning and keeping the sums of ``ek_conv_channels_f32``.
        far_inputs: the share that it reaches of pointwise convolutions whose inputs are at least a page each.
        copied_row, copied_vector: copying a row and each of its vectors beside their padding.
        rows_start: beginning and keeping the sums of ``ek_conv_f32``.
        rows_speed: its products, compared with those of ``ek_conv_channels_f32``; at most 1 in a pipeline alike.
        narrow_rows, few_rows: the share that it reaches in rows of less than 12 outputs, and in few positions.
        laid_row: laying an input in rows, in outputs' products.
        planes: the share that it reaches where each tap has a plane of its own.
        tile_inputs, tile_outputs: transforming an input of a vector of tiles, and a vector of outputs of a tile.
        weight_bytes: of weights that come from memory meanwhile, for each lane.
        few_points, few_windows, few_words: the most positions for which integer weights of all channels are read for
            each of them: of int8 inputs with one tap and with several, and of int16 inputs.
    """

    row: str
    channels_start: float
    far_inputs: float
    copied_row: float
    copied_vector: float
    rows_start: float
    rows_speed: float
    narrow_rows: float
    few_rows: float
    laid_row: float
    planes: float
    tile_inputs: float
    tile_outputs: float
    weight_bytes: float
    few_points: float
    few_windows: float
    few_words: float


@dataclass(frozen=True)
class Profile:
    """One device; fields that do not apply are empty or None. ``targets/devices.toml`` explains each but `costs`."""

    name: str
    emits: str
    kernels: tuple[str, ...] = ()
    cc: str | None = None
    gcc: int | None = None
    flags: tuple[str, ...] = ()
    clang: str | None = None
    zig: tuple[str, ...] = ()
    l1d_bytes: int | None = None
    l2_bytes: int | None = None
    qemu: tuple[str, ...] = ()
    clock_hz: int | None = None
    cycles_per_instruction: float | None = None
    cycles: Mapping[str, float] = field(default_factory=dict)
    cycles_from: str = ""
    macs_per_cycle: Mapping[str, float] = field(default_factory=dict)
    bytes_per_cycle: float | None = None
    roof_from: str = ""
    memory: Mapping[str, Region] = field(default_factory=dict)
    parts: Sequence[Part] = ()
    costs: KernelCosts | None = None

    def cycles_of(self, kinds: Mapping[str, int]) -> float | None:
        """Return the mean cycles of an executed instruction, by kind; None without a model."""
        if not self.cycles or not kinds:
            return self.cycles_per_instruction
        total = sum(count * self.cycles[kind] for kind, count in kinds.items())
        return round(total / sum(kinds.values()), 3)

    @property
    def optimize(self) -> str:
        """The compiler's level: code is dear on a microcontroller."""
        return "-O2" if self.is_bare else "-O3"

    def qemu_command(self, program: str, options: Sequence[str] = ()) -> tuple[str, ...]:
        """The emulator's command line for a program."""
        if not self.is_bare:
            return (*self.qemu, *options, program)
        return (*self.qemu, *SEMIHOSTING, *options, "-kernel", program)

    @property
    def board(self) -> str:
        """The emulated machine; the device's own name where it has none."""
        return self.qemu[self.qemu.index("-M") + 1] if "-M" in self.qemu else self.name

    @property
    def is_cross(self) -> bool:
        """Whether its builds are for another machine than this one."""
        return self.cc is not None

    @property
    def architecture(self) -> str | None:
        """Its core as ``uname -m`` names it; None for the machine that exports, and without a system."""
        if self.cc is None or self.is_bare:
            return None
        return OWN_NAME.get(core := self.cc.partition("-")[0], core)

    @property
    def is_bare(self) -> bool:
        """Whether it has no operating system: a microcontroller."""
        return bool(self.memory)
