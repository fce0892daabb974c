"""Makes the JSON Schemas of EdgeKit's files from the checks that a reading makes.

python docs/make_schema.py            all of docs/*.schema.json anew
python docs/make_schema.py --check    says which of them are older than the code
"""

import json
import sys
from pathlib import Path

from edgekit.export.diffusion.sampler_schema import sampler_schema
from edgekit.quantize.recipe_schema import recipe_schema
from edgekit.runtime.build_folder.manifest_schema import json_schema
from edgekit.runtime.devices.board import board_schema
from edgekit.verbs.bench.log import results_schema

DOCS = Path(__file__).parent
SCHEMAS = {
    "manifest": json_schema,
    "recipe": recipe_schema,
    "sampler": sampler_schema,
    "board": board_schema,
    "results": results_schema,
}


def texts() -> dict[Path, str]:
    """Return what each file is to hold."""
    made = {DOCS / f"{name}.schema.json": schema() for name, schema in SCHEMAS.items()}
    return {path: json.dumps(schema, indent=1) + "\n" for path, schema in made.items()}


def main() -> int:
    """Write the files, or name those that differ."""
    old = [path for path, text in texts().items() if not path.exists() or path.read_text() != text]
    for path in old:
        if "--check" in sys.argv:
            print(f"{path.name} is older than the code: python docs/make_schema.py")
        else:
            path.write_text(texts()[path])
    return int("--check" in sys.argv and bool(old))


if __name__ == "__main__":
    sys.exit(main())
