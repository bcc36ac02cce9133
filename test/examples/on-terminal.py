"""
Runs a command on a terminal of its own, interrupts it, and prints as JSON how it ended.

The one argument is JSON: "command", "interrupts" (each "ctrl-c", "close" or a signal's name, sent to the command alone,
"afterMs" the one before), "afterText" (what is printed before the first of them counts), "withinMs" (for all to end
after the first) and, if it matters, "columns" (of the terminal).
"""
import fcntl
import json
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

run = json.loads(sys.argv[1])
text = run.get("afterText", "").encode()
START_WITHIN_S = 120

pid, terminal = pty.fork()
if pid == 0:
    if "columns" in run:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, run["columns"], 0, 0))
    os.execvp(run["command"][0], run["command"])


def session():
    """The processes of this terminal that run, whoever their parent is by now."""
    if not os.path.isdir("/proc/self"):
        return {}
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as file:
                state, _parent, _group, of = file.read().rpartition(")")[2].split()[:4]
            if int(of) == pid and state != "Z":
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    found[int(name)] = file.read().replace(b"\0", b" ").decode().strip()
        except OSError:
            pass
    return found


def send(how):
    try:
        if how == "ctrl-c":
            os.write(terminal, b"\x03")
        elif how == "close":
            os.close(terminal)
        else:
            os.kill(pid, getattr(signal, how))
    except OSError:
        pass


output, is_open, code = b"", True, None
due, first = None, None  # When the next interrupt is due, and when the first one was.
waiting = list(run["interrupts"])
started = time.monotonic()
while True:
    now = time.monotonic()
    if due is None and waiting and (first is not None or text in output):
        due = now + waiting[0]["afterMs"] / 1000
    if due is not None and now >= due:
        how = waiting.pop(0)["how"]
        send(how)
        first, due, is_open = first or now, None, is_open and how != "close"
    if is_open and select.select([terminal], [], [], 0.005)[0]:
        try:
            output += os.read(terminal, 65536)
        except OSError:
            is_open = False  # Linux says so when the other side is closed.
    elif not is_open:
        time.sleep(0.005)
    if code is None:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
    if code is not None and not session():
        break
    if now > (started + START_WITHIN_S if first is None else first + run["withinMs"] / 1000):
        break

left = session()
print(
    json.dumps(
        {
            "code": code,
            "interrupted": first is not None,
            "tookMs": round((time.monotonic() - (first or started)) * 1000),
            "left": list(left.values()),
            "output": output.decode(errors="replace"),
        }
    )
)
for number in left:
    os.kill(number, signal.SIGKILL)
