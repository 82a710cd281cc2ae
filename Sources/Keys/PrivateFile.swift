import Foundation

/// Files that nobody else may read.
package enum PrivateFile {
    /// No key, token or line of a peer is longer.
    private static let longest = 4096

    /// Reads a file that must be this user's alone: mode 0600 or less.
    ///
    /// A service manager hands a secret over as a file of root that the service's own group may read (Kubernetes with
    /// `fsGroup`): that is allowed too.
    ///
    /// - Parameter isCredential: of systemd, which sees to it that only the service gets there. An access list that names
    ///   the service's user looks like a file that a group may read.
    package static func read(_ path: String, isCredential: Bool = false) throws -> String {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            throw KeyError("cannot read \(path): \(String(cString: strerror(errno)))")
        }
        let handle = FileHandle(fileDescriptor: file, closeOnDealloc: true)
        var info = stat()
        guard fstat(file, &info) == 0, info.st_mode & S_IFMT == S_IFREG else {
            throw KeyError("\(path) is no file")
        }
        guard isPrivate(info) || isCredential && info.st_mode & 0o037 == 0 else {
            let mode = String(info.st_mode & 0o777, radix: 8)
            throw KeyError(
                "\(path): others can read or write it (mode 0\(mode)); if nobody has, call: chmod 600 \(path); else make another key"
            )
        }
        guard let data = try? handle.read(upToCount: longest), info.st_size <= longest else {
            throw KeyError("\(path) is no key: it is empty or too long")
        }
        return String(decoding: data, as: UTF8.self)
    }

    private static func isPrivate(_ info: stat) -> Bool {
        if info.st_mode & 0o077 == 0 { return info.st_uid == geteuid() || info.st_uid == 0 }
        // Root's, read by this process through its group.
        guard info.st_mode & 0o037 == 0, info.st_uid == 0, geteuid() != 0 else { return false }
        return info.st_gid == getegid() || groups.contains(info.st_gid)
    }

    private static var groups: [gid_t] {
        let count = getgroups(0, nil)
        guard count > 0 else { return [] }
        var all = [gid_t](repeating: 0, count: Int(count))
        let got = getgroups(count, &all)
        return got > 0 ? Array(all.prefix(Int(got))) : []
    }

    /// Writes a new file of mode 0600, whole or not at all; no moment lets others read it.
    ///
    /// - Parameter replaces: what stands there already.
    package static func write(_ text: String, to path: String, replaces: Bool = false) throws {
        let draft = "\(path).\(getpid()).partial"
        unlink(draft)
        let file = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw KeyError("cannot write \(path): \(String(cString: strerror(errno)))") }
        let handle = FileHandle(fileDescriptor: file, closeOnDealloc: true)
        defer { unlink(draft) }
        do {
            try handle.write(contentsOf: Data(text.utf8))
            try handle.synchronize()
        } catch {
            throw KeyError("cannot write \(path): \(error.localizedDescription)")
        }
        // A link fails where something stands already; renaming would not.
        guard (replaces ? rename(draft, path) : link(draft, path)) == 0 else {
            throw KeyError(
                errno == EEXIST
                    ? "\(path) is there already" : "cannot write \(path): \(String(cString: strerror(errno)))")
        }
    }

    /// Makes a directory of mode 0700, or checks that the one that is there is this user's alone.
    package static func makeDirectory(_ path: String) throws {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw KeyError("cannot make the directory \(path): \(error.localizedDescription)")
        }
        try checkDirectory(path)
    }

    /// Nobody else may put a key there. Others may look into one of root's, as where Kubernetes mounts a secret; what is
    /// secret in it is so by its own mode.
    package static func checkDirectory(_ path: String) throws {
        var info = stat()
        guard stat(path, &info) == 0, info.st_mode & S_IFMT == S_IFDIR else {
            throw KeyError(
                "there is no key directory \(path); make it with a first key: skein keys new NAME --role generator")
        }
        let isOwn = info.st_uid == geteuid() && info.st_mode & 0o077 == 0
        let isMounted = info.st_uid == 0 && isReadOnly(path)
        guard isOwn || isMounted else {
            throw KeyError("\(path): the key directory must be yours alone; call: chmod 700 \(path)")
        }
    }

    private static func isReadOnly(_ path: String) -> Bool {
        var info = statvfs()
        return statvfs(path, &info) == 0 && info.f_flag & UInt(ST_RDONLY) != 0 || access(path, W_OK) != 0
    }
}
