import Foundation

/// A file system of its own for a run directory, which can be filled and emptied again.
final class SmallDisk: Sendable {
    let path: String
    private var ballast: String { path + "/ballast" }

    /// Mounts it. Throws when this process may not.
    init(at path: String, megabytes: Int) throws {
        self.path = path
        guard Command.isRoot else { throw Command.Failure(description: "mounting needs root") }
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try Command.run("mount", "-t", "tmpfs", "-o", "size=\(megabytes)m,mode=0700", "skein-chaos", path)
    }

    /// Until not a byte is left.
    func fill() {
        let file = open(ballast, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { return }
        defer { close(file) }
        var size: off_t = 0
        var piece: off_t = 64 << 20
        while piece >= 4096 {
            if posix_fallocate(file, size, piece) == 0 { size += piece } else { piece /= 2 }
        }
    }

    func empty() { unlink(ballast) }

    /// - Parameter folder: where what was on it is kept; nil: nowhere.
    func unmount(keepingIn folder: String?) {
        empty()
        if let folder { _ = try? Command.run("cp", "-a", path, folder) }
        _ = try? Command.run("umount", "-l", path)
    }
}
