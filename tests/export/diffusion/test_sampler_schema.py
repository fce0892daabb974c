"""The JSON Schema of sampler.toml."""

from edgekit.export.diffusion.description import OTHERS, SAMPLERS
from edgekit.export.diffusion.sampler_schema import sampler_schema


def test_every_kind_has_its_keys() -> None:
    first, *others = sampler_schema()["anyOf"]
    assert first["properties"]["kind"] == {"enum": list(SAMPLERS)}
    assert first["properties"]["steps"] == {"type": "integer"}
    assert first["properties"]["schedule"]["properties"]["beta_end"] == {"type": "number"}
    assert [other["properties"]["kind"]["const"] for other in others] == list(OTHERS)
    assert all(other["required"] == ["kind"] for other in others)
    assert not first["additionalProperties"]
