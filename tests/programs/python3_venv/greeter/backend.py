"""A build backend that needs nothing but Python itself: it zips a wheel."""

import zipfile
from pathlib import Path

NAME = "greeter-1.0"
INFO = f"{NAME}.dist-info"


def build_wheel(directory, config_settings=None, metadata_directory=None):
    files = {
        "greeter/__init__.py": Path("greeter.py").read_text(),
        f"{INFO}/METADATA": "Metadata-Version: 2.1\nName: greeter\nVersion: 1.0\n",
        f"{INFO}/WHEEL": "Wheel-Version: 1.0\nGenerator: here\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{INFO}/entry_points.txt": "[console_scripts]\ngreet = greeter:main\n",
    }
    files[f"{INFO}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{INFO}/RECORD"])
    wheel = f"{NAME}-py3-none-any.whl"
    with zipfile.ZipFile(Path(directory) / wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return wheel
