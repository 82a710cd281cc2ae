"""The Python file that a reward worker scores with: read, checked and called; what is wrong is one sentence."""
import importlib.machinery
import importlib.util
import inspect
import os
import sys
import traceback

TRY_AGAIN, CONFIGURATION = 75, 78


def say(text):
    print(f"reward_worker: {text}", file=sys.stderr, flush=True)


class Ending(Exception):
    """Ends the process with one sentence that says what to do."""

    def __init__(self, code, sentence):
        super().__init__(sentence)
        self.code = code


def described(error, path=None):
    """`taste.py:3: ZeroDivisionError: division by zero`: the last line of FILE that the error went through."""
    place = ""
    if isinstance(error, SyntaxError) and error.filename:
        place = f"{error.filename}:{error.lineno}: "
        return f"{place}{type(error).__name__}: {error.msg}"
    for frame in traceback.extract_tb(error.__traceback__):
        if path and os.path.abspath(frame.filename) == os.path.abspath(path):
            place = f"{path}:{frame.lineno}: "
    return f"{place}{' '.join(traceback.format_exception_only(type(error), error)[-1].split())}"


def load(path):
    """The function `score` of a file. What is wrong with the file is said with its line."""
    if not os.path.isfile(path):
        raise Ending(CONFIGURATION, f"--file {path}: there is no such file")
    try:
        spec = importlib.util.spec_from_loader("reward", importlib.machinery.SourceFileLoader("reward", path))
        module = importlib.util.module_from_spec(spec)
        # As for a script: modules beside the file can be imported.
        sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise Ending(CONFIGURATION, f"{described(error, path)} (raised while the file was read)")
    score = getattr(module, "score", None)
    if score is None:
        raise Ending(CONFIGURATION, f"{path} defines no score; add: def score(prompt, response): return 0.0")
    if not callable(score):
        raise Ending(CONFIGURATION, f"{path}: score is no function; write: def score(prompt, response): return 0.0")
    if inspect.iscoroutinefunction(score):
        raise Ending(CONFIGURATION, f"{path}: score must be a plain function, not async; await inside asyncio.run")
    try:
        signature = inspect.signature(score)
    except ValueError:  # some functions written in C say nothing of theirs
        return score
    further, takes_all, _ = parameters_behind_two(score)
    try:
        signature.bind("prompt", "response", **{p.name: None for p in further}, **({"x": 0} if takes_all else {}))
    except TypeError as error:
        code = getattr(score, "__code__", None)
        place = f"{path}:{code.co_firstlineno}" if code else path
        raise Ending(
            CONFIGURATION,
            f"{place}: score{signature} cannot be called as score(prompt, response): {error}; write "
            "def score(prompt, response), with columns of the prompt's line as further parameters")
    return score


def parameters_behind_two(score):
    """Parameters to be filled by name, whether **columns is there, and the names that are taken."""
    named, takes_all = [], False
    try:
        parameters = inspect.signature(score).parameters.values()
    except ValueError:
        parameters = []
    for parameter in parameters:
        if parameter.kind == inspect.Parameter.VAR_KEYWORD:
            takes_all = True
        elif parameter.kind != inspect.Parameter.VAR_POSITIONAL:
            named.append(parameter)
    # What can be given by name only is filled by name, wherever it stands.
    behind = [p for p in named if p.kind != inspect.Parameter.KEYWORD_ONLY][2:]
    behind += [p for p in named if p.kind == inspect.Parameter.KEYWORD_ONLY]
    return behind, takes_all, {p.name for p in named}


def by_name(score):
    """score(prompt, response, extra, messages), whatever parameters the function has."""
    further, takes_all, taken = parameters_behind_two(score)

    def call(prompt, response, extra, messages):
        values = {**extra, "extra": extra, "messages": messages}
        arguments = {p.name: values.get(p.name, None if p.default is p.empty else p.default) for p in further}
        if takes_all:
            arguments.update({key: value for key, value in extra.items() if key not in taken})
        return score(prompt, response, **arguments)

    return call
