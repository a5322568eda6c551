"""A JSON file that several runs may add to at once."""
import fcntl
import json
import os


def read(path):
    """Its object; empty where there is no file."""
    return json.loads(path.read_text()) if path.exists() else {}


def update(path, change):
    """`change` edits the object that is there now, in place; the file is replaced whole. Returns the object."""
    with open(path.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        values = read(path)
        change(values)
        part = path.with_suffix(".part")
        part.write_text(json.dumps(values, indent=1, sort_keys=True) + "\n")
        os.rename(part, path)
        return values


def put(path, keys, values):
    """Makes `values` the object at these keys, with what leads there made where it is missing. Returns the file's object."""
    def change(place):
        for key in keys:
            place = place.setdefault(str(key), {})
        place.clear()
        place.update(values)

    return update(path, change)
