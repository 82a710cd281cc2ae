import Foundation

/// The bytes of a file, mapped read-only for as long as this object lives.
///
/// The file must not be truncated meanwhile; Skein's own files are replaced by rename and so never change.
package final class MappedFile: @unchecked Sendable {
    // SAFETY: the mapping is read-only and both fields are constants.
    private let start: UnsafeMutableRawPointer?
    package let count: Int

    package init(path: String) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw TorchError.system("cannot open '\(path)'", errno) }
        defer { close(descriptor) }
        var info = stat()
        guard fstat(descriptor, &info) == 0 else { throw TorchError.system("cannot read '\(path)'", errno) }
        guard info.st_mode & S_IFMT == S_IFREG, let size = Int(exactly: info.st_size) else {
            throw TorchError(.file, "'\(path)' is not a file")
        }
        count = size
        if size == 0 {
            start = nil
            return
        }
        let address = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0)
        guard let address, address != MAP_FAILED else { throw TorchError.system("cannot map '\(path)'", errno) }
        start = address
    }

    deinit {
        if let start { munmap(start, count) }
    }

    /// Drops the pages that lie wholly in `range` from this process's memory; they are read again when they are asked for.
    package func forget(_ range: Range<Int>) {
        let page = 4096
        let (first, last) = ((range.lowerBound + page - 1) / page * page, range.upperBound / page * page)
        guard let start, first < last, last <= count else { return }
        madvise(start + first, last - first, MADV_DONTNEED)
    }

    /// All bytes; only valid while `self` lives.
    package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: start, count: count) }
}

extension TorchError {
    /// A failed system call, with the system's own words.
    static func system(_ what: String, _ code: Int32) -> TorchError {
        TorchError(.file, "\(what): \(String(cString: strerror(code)))")
    }
}
