package import Foundation

/// Lines that a file of a line a step gets while somebody follows it.
package struct StepLines: Sendable {
    private let path: String
    /// Behind the last whole line that was told, or was there before. What comes after it is read again each time: a writer
    /// that starts again takes out a line that was cut short.
    private var offset: UInt64

    /// What the file holds now is not told.
    package init(_ path: String) {
        self.path = path
        let data = FileManager.default.contents(atPath: path) ?? Data()
        offset = UInt64(data.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0)
    }

    /// The whole lines that came since the last call.
    package mutating func new() -> [Data] {
        let size = (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? NSNumber)?.uint64Value ?? 0
        // Written anew.
        if size < offset { offset = 0 }
        guard size > offset, let handle = FileHandle(forReadingAtPath: path) else { return [] }
        defer { try? handle.close() }
        guard (try? handle.seek(toOffset: offset)) != nil, let data = try? handle.readToEnd(),
            let end = data.lastIndex(of: UInt8(ascii: "\n"))
        else { return [] }
        offset += UInt64(end + 1)
        return data[...end].split(separator: UInt8(ascii: "\n")).map { Data($0) }
    }
}
