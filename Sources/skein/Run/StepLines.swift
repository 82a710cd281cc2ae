import Foundation

/// Lines that a file of a line a step gets while somebody follows it.
struct StepLines {
    private let path: String
    private var offset: UInt64
    private var rest = Data()

    /// What the file holds now is not told.
    init(_ path: String) {
        self.path = path
        offset = Self.size(path)
    }

    /// The whole lines that came since the last call.
    mutating func new() -> [Data] {
        let size = Self.size(path)
        // Written anew, as after --fresh.
        if size < offset { (offset, rest) = (0, Data()) }
        guard size > offset, let handle = FileHandle(forReadingAtPath: path) else { return [] }
        defer { try? handle.close() }
        guard (try? handle.seek(toOffset: offset)) != nil, let data = try? handle.readToEnd() else { return [] }
        offset += UInt64(data.count)
        rest += data
        guard let end = rest.lastIndex(of: UInt8(ascii: "\n")) else { return [] }
        let lines = rest[...end].split(separator: UInt8(ascii: "\n")).map { Data($0) }
        rest = Data(rest[(end + 1)...])
        return lines
    }

    private static func size(_ path: String) -> UInt64 {
        (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? NSNumber)?.uint64Value ?? 0
    }
}
