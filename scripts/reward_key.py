"""The key by which a reward worker joins a run: a file as `skein keys new NAME --role scorer` makes it."""
import os
import stat

from reward_file import CONFIGURATION, Ending

ANY = "*"


class Key:
    def __init__(self, text, source):
        lines = [line.split() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
        try:
            ((kind, self.role, self.called, secret, server),) = lines
            self.secret, self.server = bytes.fromhex(secret), bytes.fromhex(server)
            if kind != "skein-key-1" or len(self.secret) != 32 or len(self.server) != 32:
                raise ValueError
        except ValueError:
            raise Ending(CONFIGURATION, f"{source}: this is no key of Skein; make one: skein keys new NAME --role scorer")
        if self.role != "scorer":
            raise Ending(CONFIGURATION, f"{source}: the key is for the role {self.role}, and a reward worker is a scorer; "
                         "make another: skein keys new NAME --role scorer")
        self.name = None if self.called == ANY else self.called

    def show(self, zmq, socket):
        """Before the socket connects."""
        import zmq.utils.z85 as z85
        secret = z85.encode(self.secret)
        socket.setsockopt(zmq.CURVE_SERVERKEY, z85.encode(self.server))
        socket.setsockopt(zmq.CURVE_PUBLICKEY, zmq.curve_public(secret))
        socket.setsockopt(zmq.CURVE_SECRETKEY, secret)


def read(path):
    try:
        info = os.stat(path)
        if stat.S_IMODE(info.st_mode) & 0o077 and not readable_by_own_group_of_root(info):
            raise Ending(CONFIGURATION, f"{path}: others can read or write it (mode {stat.S_IMODE(info.st_mode):04o}); "
                         f"if nobody has, call: chmod 600 {path}; else make another key")
        with open(path) as file:
            return Key(file.read(4096), path)
    except (OSError, UnicodeDecodeError) as error:
        raise Ending(CONFIGURATION, f"cannot read the key {path}: {error}")


def readable_by_own_group_of_root(info):
    """As Kubernetes mounts a secret for a process that is not root."""
    mine = os.geteuid() != 0 and info.st_gid in (*os.getgroups(), os.getegid())
    return info.st_uid == 0 and not stat.S_IMODE(info.st_mode) & 0o037 and mine


def find_key(path, directory, name):
    """The key of --key FILE, of the environment, or of the run's directory; None where there is none."""
    path = path or os.environ.get("SKEIN_KEY_FILE")
    text = os.environ.pop("SKEIN_KEY", None)
    if path:
        key = read(path)
    elif text:
        key = Key(text, "SKEIN_KEY")
    elif directory:
        key = read(os.path.join(directory, "scorer.key"))
    else:
        return None
    if name and key.name and name != key.name and not name.startswith(key.name + "."):
        raise Ending(CONFIGURATION, f"--name {name}: the key is that of '{key.name}'; leave --name out, or write "
                     f"'{key.name}.' and anything more")
    return key


def why_refused(is_unknown, has_key):
    """What a handshake that failed means, and what to do."""
    if is_unknown:
        return "the coordinator does not know this key, or it was revoked; see there: skein keys list"
    if has_key:
        return "the coordinator has no key, or another one than the key file says; copy the key file anew"
    return "the coordinator does not talk without a key, or is none; give --key FILE, or --run"
