package import ClusterModel
package import Foundation

/// A file of an artifact, as its publisher has it.
package struct ServedFile: Sendable {
    package var name: String
    package var data: Data
    /// Where it stands; nil when it stands in memory alone.
    package let local: LocalFile?

    /// Bytes that stand in memory alone.
    package init(name: String, data: Data) {
        self.name = name
        self.data = data
        local = nil
    }

    /// Maps a file, which must not change any more: it may be replaced by another of its name, or removed.
    package init(name: String, mapping url: URL) throws {
        let path = url.path(percentEncoded: false)
        let before = LocalFile(at: path)
        self.name = name
        data = try Data(contentsOf: url, options: .mappedIfSafe)
        // What was replaced meanwhile is served, but not as the file that stands there now.
        local = LocalFile(at: path) == before ? before : nil
    }
}

extension LocalFile {
    /// Set, everything is pulled: where a run's directory is slower than the network, and for tests of the network.
    private static let pullEverything = "SKEIN_PULL_EVERYTHING"

    /// Of the system that runs here.
    private static let here: String? = {
        guard ProcessInfo.processInfo.environment[pullEverything] == nil else { return nil }
        return (try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8))?
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }()

    /// nil when there is no such file, or no telling which machine this is.
    init?(at path: String) {
        var info = stat()
        guard let host = Self.here, stat(path, &info) == 0, info.st_mode & S_IFMT == S_IFREG else { return nil }
        self.init(
            host: host, path: path, device: UInt64(info.st_dev), inode: UInt64(info.st_ino),
            modified: Int64(info.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(info.st_mtim.tv_nsec))
    }

    /// Its bytes, mapped; nil on another machine, in a container that sees other files, or when the file is not the one that
    /// was hashed. They are not hashed again: they are the very pages that the publisher read.
    func map(size: Int) -> Data? {
        guard LocalFile(at: path) == self,
            let data = try? Data(contentsOf: URL(filePath: path), options: .mappedIfSafe), data.count == size,
            LocalFile(at: path) == self
        else { return nil }
        return data
    }
}
