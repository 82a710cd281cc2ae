package import Foundation
import Glibc

/// Writes files so that a reader sees the old one or the whole new one, also after a power cut: a temporary file beside
/// the target, fsync, rename, fsync of the directory.
package enum AtomicFile {
    package typealias Sink = (UnsafeRawBufferPointer) throws -> Void

    package static func write(_ data: Data, to path: String, synced: Bool = true) throws {
        try write(to: path, synced: synced) { sink in try data.withUnsafeBytes { try sink($0) } }
    }

    /// `body` hands the bytes to the sink piece by piece. When it or the disk fails, the target stays as it was and the
    /// temporary file is removed.
    ///
    /// - Parameter synced: false leaves it to the system when the file reaches the disk: it is whole for every process, and
    ///   may be lost or damaged when the machine goes down.
    package static func write(to path: String, synced: Bool = true, _ body: (Sink) throws -> Void) throws {
        let suffix = UInt64.random(in: .min ... .max)
        let temporary = "\(path).\(String(suffix, radix: 16)).tmp"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw TorchError.system("cannot write '\(path)'", errno) }
        var isOpen = true
        do {
            try body { bytes in try write(bytes, descriptor, path) }
            guard !synced || fsync(descriptor) == 0 else { throw TorchError.system("cannot write '\(path)'", errno) }
            isOpen = false
            guard close(descriptor) == 0 else { throw TorchError.system("cannot write '\(path)'", errno) }
            guard rename(temporary, path) == 0 else { throw TorchError.system("cannot replace '\(path)'", errno) }
        } catch {
            if isOpen { close(descriptor) }
            unlink(temporary)
            throw error
        }
        if synced { try syncDirectory(URL(fileURLWithPath: path).deletingLastPathComponent().path) }
    }

    /// Makes renames and new names in the directory durable.
    package static func syncDirectory(_ path: String) throws {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw TorchError.system("cannot open '\(path)'", errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw TorchError.system("cannot flush '\(path)'", errno) }
    }

    private static func write(_ bytes: UnsafeRawBufferPointer, _ descriptor: Int32, _ path: String) throws {
        var done = 0
        while done < bytes.count {
            let count = Glibc.write(descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done)
            if count < 0 {
                if errno == EINTR { continue }
                throw TorchError.system("cannot write '\(path)'", errno)
            }
            done += count
        }
    }
}
