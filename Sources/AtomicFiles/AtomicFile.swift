package import Foundation
import Glibc

/// Writes files so that a reader sees the old one or the whole new one, also after a power cut: a temporary file beside
/// the target, fsync, rename, fsync of the directory.
///
/// The temporary file is called `NAME.HEXADECIMAL.tmp`. A process that is killed leaves it behind, and
/// ``removeLeftovers(in:)`` knows it again.
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
        let temporary = "\(path).\(String(UInt64.random(in: .min ... .max), radix: 16))\(ending)"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw FileError("cannot write '\(path)'", errno) }
        var isOpen = true
        do {
            try body { bytes in try write(bytes, descriptor, path) }
            guard !synced || fsync(descriptor) == 0 else { throw FileError("cannot write '\(path)'", errno) }
            isOpen = false
            guard close(descriptor) == 0 else { throw FileError("cannot write '\(path)'", errno) }
            guard rename(temporary, path) == 0 else { throw FileError("cannot replace '\(path)'", errno) }
        } catch {
            if isOpen { close(descriptor) }
            unlink(temporary)
            throw error
        }
        if synced { try syncDirectory(URL(fileURLWithPath: path).deletingLastPathComponent().path) }
    }

    /// Removes what killed processes left in a directory; not below it. Nobody may be writing there.
    ///
    /// What cannot be removed stays, and means nothing.
    package static func removeLeftovers(in directory: String) {
        let files = FileManager.default
        for name in (try? files.contentsOfDirectory(atPath: directory)) ?? [] where isLeftover(name) {
            unlink("\(directory)/\(name)")
        }
    }

    private static func isLeftover(_ name: String) -> Bool {
        // Foundation's own, which earlier versions of Skein left.
        if name.hasPrefix(".dat.nosync") { return true }
        guard name.hasSuffix(ending) else { return false }
        let stem = name.dropLast(ending.count)
        guard let dot = stem.lastIndex(of: "."), dot > stem.startIndex else { return false }
        let digits = stem[stem.index(after: dot)...]
        return 1...16 ~= digits.utf8.count && digits.utf8.allSatisfy { "0123456789abcdef".utf8.contains($0) }
    }

    private static let ending = ".tmp"

    /// Makes renames and new names in the directory durable.
    package static func syncDirectory(_ path: String) throws {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError("cannot open '\(path)'", errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw FileError("cannot flush '\(path)'", errno) }
    }

    private static func write(_ bytes: UnsafeRawBufferPointer, _ descriptor: Int32, _ path: String) throws {
        var done = 0
        while done < bytes.count {
            let count = Glibc.write(descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done)
            if count < 0 {
                if errno == EINTR { continue }
                throw FileError("cannot write '\(path)'", errno)
            }
            done += count
        }
    }
}

/// A file that could not be written.
package struct FileError: Error, LocalizedError, Sendable, CustomStringConvertible {
    /// What could not be done, and to which file.
    package let message: String
    /// The system's own words.
    package let reason: String

    init(_ message: String, _ code: Int32) {
        self.message = message
        reason = String(cString: strerror(code))
    }

    package var description: String { "\(message): \(reason)" }
    /// For messages that name the file themselves.
    package var errorDescription: String? { reason }
}
