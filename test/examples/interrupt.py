"""Runs a command on a terminal of its own, interrupts it, and tells as JSON how it ended.

usage: interrupt.py '{"command": [...], "cwd": ..., "afterText": ..., "afterMs": ..., "how": "ctrl-c" | "SIGTERM" | "SIGHUP" | "SIGKILL" | "close", "againMs": null, "withinMs": ...}'
"""
import errno, json, os, pty, select, signal, sys, time

run = json.loads(sys.argv[1])
pid, terminal = pty.fork()
if pid == 0:
    os.chdir(run["cwd"])
    os.execvp(run["command"][0], run["command"])

started = time.monotonic()
output = b""
seen = None          # when the text was there, from which on afterMs counts
interrupted = None
interrupts = 0
status = None
closed = False
text = run.get("afterText")
text = text and text.encode()


def in_session():
    """Processes of the terminal's session that run, whoever their parent is by now."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat") as file:
                fields = file.read().rpartition(")")[2].split()
            if int(fields[3]) == pid and fields[0] != "Z":
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    found.append(file.read().replace(b"\0", b" ").decode().strip())
        except (OSError, IndexError):
            pass
    return found


def interrupt():
    how = run["how"]
    if how == "ctrl-c":
        os.write(terminal, b"\x03")
    elif how == "close":
        os.close(terminal)
    else:
        os.kill(pid, getattr(signal, how))


while True:
    now = time.monotonic()
    if seen is None and (text is None or text in output):
        seen = now
    if seen is not None and interrupts == 0 and now >= seen + run["afterMs"] / 1000:
        interrupt()
        interrupts, interrupted = 1, now
        closed = run["how"] == "close"
    if interrupts == 1 and run.get("againMs") is not None and now >= interrupted + run["againMs"] / 1000:
        interrupt()
        interrupts = 2
    if not closed and select.select([terminal], [], [], 0.005)[0]:
        try:
            output += os.read(terminal, 65536)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            closed = True
    elif closed:
        time.sleep(0.005)
    if status is None:
        done, waited = os.waitpid(pid, os.WNOHANG)
        if done:
            status = waited
            ended = time.monotonic()
    # A supervisor may end before what it has started.
    if status is not None and not in_session():
        break
    limit = interrupted + run["withinMs"] / 1000 if interrupted else started + run["startWithinMs"] / 1000
    if now > limit:
        break

left = in_session()
result = {
    "code": None if status is None else os.waitstatus_to_exitcode(status),
    "ended": status is not None,
    "interrupted": interrupted is not None,
    "tookMs": round(((time.monotonic() if interrupted else started) - (interrupted or started)) * 1000),
    "left": left,
    "output": output.decode(errors="replace"),
}
for name in os.listdir("/proc"):
    if name.isdigit():
        try:
            with open(f"/proc/{name}/stat") as file:
                if int(file.read().rpartition(")")[2].split()[3]) == pid:
                    os.kill(int(name), signal.SIGKILL)
        except (OSError, IndexError):
            pass
print(json.dumps(result))
