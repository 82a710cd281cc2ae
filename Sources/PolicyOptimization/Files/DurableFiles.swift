package import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// Directories that survive a power cut: files flushed, then renamed, then the parent flushed. Here because stages and
/// learner, which may not import one another, both leave results that must be whole.
package enum DurableFiles {
    /// Puts the directory `source` in place of `destination`, which may exist. Both have the same parent.
    ///
    /// A directory cannot be renamed over one that is not empty, so the old one steps aside first; a crash between the
    /// two renames leaves the old result under its `.old` name, and the next call starts from its inputs again.
    ///
    /// - Parameter flushed: false leaves it to the system when the files reach the disk.
    package static func replace(_ destination: URL, with source: URL, flushed: Bool = true) throws {
        if flushed { try flushTree(source) }
        let manager = FileManager.default
        let old = destination.deletingLastPathComponent().appending(path: ".\(destination.lastPathComponent).old")
        try? manager.removeItem(at: old)
        if manager.fileExists(atPath: destination.path(percentEncoded: false)) {
            try manager.moveItem(at: destination, to: old)
        }
        try manager.moveItem(at: source, to: destination)
        if flushed { try flush(destination.deletingLastPathComponent()) }
        try? manager.removeItem(at: old)
    }

    /// Flushes every file and directory below `directory`, and itself.
    package static func flushTree(_ directory: URL) throws {
        let manager = FileManager.default
        for item in try manager.contentsOfDirectory(at: directory, includingPropertiesForKeys: [.isDirectoryKey]) {
            if try item.resourceValues(forKeys: [.isDirectoryKey]).isDirectory == true {
                try flushTree(item)
            } else {
                try flush(item)
            }
        }
        try flush(directory)
    }

    /// fsync of one file or directory.
    package static func flush(_ item: URL) throws {
        let path = item.path(percentEncoded: false)
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw PolicyOptimizationError(.io, "cannot open \(path) to flush it: \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else {
            throw PolicyOptimizationError(.io, "cannot flush \(path): \(String(cString: strerror(errno)))")
        }
    }
}
