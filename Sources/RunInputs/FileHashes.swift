import AtomicFiles
import Foundation
import RunLayout
import Cryptography

/// SHA-256 of files, each computed once as long as the file stays what it is. Not shared between threads.
///
/// A hash is taken from the cache only when device, inode, size, time of modification and time of change are those of
/// the file when it was read. The time of change is set by the kernel at each write and each rename, and by nobody else,
/// so a file that was replaced, or whose time of modification was set back, is read again. A file that changed within
/// the two seconds before it was read is not kept: clocks of file systems are coarse, and a later write might bear the
/// same time.
package final class FileHashes {
    private struct Entry: Codable {
        var identity: [Int64]
        var hash: String
    }

    private static let settled = 2.0
    private let cache: String?
    private var entries: [String: Entry] = [:]
    /// Files that this process read, for tests.
    private(set) var filesRead = 0

    /// - Parameter directory: where the cache is kept between processes, as `.file-hashes.json`; nil: nowhere.
    package init(keptIn directory: String? = nil) {
        cache = directory.map { RunLayout($0)[.fileHashes] }
        // A cache that cannot be read is no cache.
        guard let cache, let data = FileManager.default.contents(atPath: cache) else { return }
        entries = (try? JSONDecoder().decode([String: Entry].self, from: data)) ?? [:]
    }

    package func hash(_ path: String) throws -> String {
        let before = Self.identity(path)
        if let before, let entry = entries[path], entry.identity == before.numbers { return entry.hash }
        let started = Date().timeIntervalSince1970
        let hash = try SHA256.hash(fileAt: path)
        filesRead += 1
        entries[path] = nil
        if let before, let after = Self.identity(path), before.numbers == after.numbers,
            after.changed < started - Self.settled
        {
            entries[path] = Entry(identity: after.numbers, hash: hash)
        }
        return hash
    }

    /// Writes the cache. It only saves time, so a disk that is full is no error.
    package func save() {
        guard let cache else { return }
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        try? AtomicFile.write(encoder.encode(entries), to: cache)
    }

    private static func identity(_ path: String) -> (numbers: [Int64], changed: Double)? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        #if os(Linux)
            let (modified, changed) = (status.st_mtim, status.st_ctim)
        #else
            let (modified, changed) = (status.st_mtimespec, status.st_ctimespec)
        #endif
        return (
            [
                Int64(truncatingIfNeeded: status.st_dev), Int64(truncatingIfNeeded: status.st_ino),
                Int64(status.st_size), Int64(modified.tv_sec), Int64(modified.tv_nsec), Int64(changed.tv_sec),
                Int64(changed.tv_nsec),
            ], Double(changed.tv_sec) + Double(changed.tv_nsec) * 1e-9
        )
    }
}
