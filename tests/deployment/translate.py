"""Prints template.yaml as CloudFormation sees it, in JSON; run by the interpreter of .tools.

The SAM translator needs another release of pydantic than ours, so it runs in a process of its own.
"""

import json
import sys
from pathlib import Path

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse


class _NoManagedPolicies:
    """Answers that AWS has no managed policies, so that a template which uses one fails."""

    def load(self) -> dict[str, str]:
        return {}


def main() -> None:
    """Translate the template named by the first argument."""
    parsed = yaml_parse(Path(sys.argv[1]).read_text(encoding="utf-8"))
    # YAML anchors share objects, which the translator would change in one place for all.
    template = json.loads(json.dumps(parsed))
    for resource in template["Resources"].values():
        for name in ("CodeUri", "ContentUri"):
            if name in resource.get("Properties", {}):
                resource["Properties"][name] = "s3://bucket/key"
    defaults = {
        name: parameter["Default"]
        for name, parameter in template["Parameters"].items()
        if "Default" in parameter
    }
    json.dump(transform(template, defaults, _NoManagedPolicies()), sys.stdout)


if __name__ == "__main__":
    main()
