"""Answers requests, one JSON object a line on the standard input, each with one line: what python.ts's `useAnswers` reads."""
import json, os, traceback

# Libraries print what they do and ask what they would like to know: requests and answers go past them.
_requests, _answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)


def serve(commands):
    """Calls the function that a request names by `command`, with the rest of it."""
    for line in _requests:
        request = json.loads(line)
        try:
            answer = {"told": commands[request.pop("command")](**request)}
        except BaseException:  # a panic in Rust is no Exception
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer, default=str), file=_answers, flush=True)
