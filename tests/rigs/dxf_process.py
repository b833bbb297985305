"""Runs dxf many times, as if each time were a process of its own. Loading it takes longer than most of its commands.

Each line of standard input is a call in JSON: arguments, directory, variables and standard input. Each line of standard
output is how that ended.
"""
import json
import os
import sys
import tempfile
import traceback

from dxf.main import doit


def run(call, files):
    for number, file in enumerate(files):
        os.dup2(file.fileno(), number)
    sys.stdin = os.fdopen(0)
    os.chdir(call["cwd"])
    os.environ.update(call["env"])
    try:
        code = doit(call["args"], os.environ)
    except SystemExit as exit:
        code = exit.code
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code or 0)


for line in sys.stdin:
    call = json.loads(line)
    files = [tempfile.TemporaryFile() for _ in range(3)]
    files[0].write(call["stdin"].encode())
    files[0].seek(0)
    child = os.fork()
    if child == 0:
        run(call, files)
    _, status = os.waitpid(child, 0)
    said = []
    for file in files[1:]:
        file.seek(0)
        said.append(file.read().decode(errors="replace"))
    ended = {"code": os.waitstatus_to_exitcode(status), "stdout": said[0], "stderr": said[1]}
    print(json.dumps(ended), flush=True)
