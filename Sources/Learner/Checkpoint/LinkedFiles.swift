import Foundation
import RunLayout

/// Files that stand in several directories and once on the disk.
enum LinkedFiles {
    /// Makes `target`, with the files of the directory `source` linked into it; copied where the file system has no links.
    static func link(_ source: URL, to target: URL) throws {
        let manager = FileManager.default
        try manager.createDirectory(at: target, withIntermediateDirectories: true)
        for name in try manager.contentsOfDirectory(atPath: source.path(percentEncoded: false)).sorted() {
            let (from, to) = (source.appending(path: name), target.appending(path: name))
            do {
                try manager.linkItem(at: from, to: to)
            } catch {
                try manager.copyItem(at: from, to: to)
            }
        }
    }

    /// Removes what a process that was killed had not finished, in a directory of checkpoints or versions.
    static func sweep(_ directory: URL) {
        let manager = FileManager.default
        let names = (try? manager.contentsOfDirectory(atPath: directory.path(percentEncoded: false))) ?? []
        for name in names where RunLayout.isUnfinishedCheckpoint(name) {
            try? manager.removeItem(at: directory.appending(path: name))
        }
    }

    /// Bytes of the files below a directory that stand nowhere else.
    static func ownBytes(of directory: URL) -> Int {
        let path = directory.path(percentEncoded: false)
        guard let names = FileManager.default.enumerator(atPath: path) else { return 0 }
        var bytes = 0
        while let name = names.nextObject() as? String {
            var info = stat()
            guard lstat("\(path)/\(name)", &info) == 0, info.st_mode & S_IFMT == S_IFREG, info.st_nlink == 1 else {
                continue
            }
            bytes += Int(info.st_size)
        }
        return bytes
    }
}
