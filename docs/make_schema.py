"""Makes docs/manifest.schema.json, the JSON Schema of a build's manifest, from the checks that a reading makes.

python docs/make_schema.py > docs/manifest.schema.json
"""

import json

from edgekit.runtime.build_folder.manifest_schema import json_schema


def main() -> None:
    """Print the schema."""
    print(json.dumps(json_schema(), indent=1))


if __name__ == "__main__":
    main()
