/// Which kind of file system a path is on, from the text of `/proc/self/mountinfo`.
package struct MountTable: Sendable {
    private struct Mount: Sendable {
        var point: String
        var kind: String
    }

    private let mounts: [Mount]

    /// Lines that are not understood are passed over.
    package init(_ text: String) {
        mounts = text.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ", omittingEmptySubsequences: false)
            guard let dash = words.firstIndex(of: "-"), words.count > 4, words.indices.contains(dash + 1) else {
                return nil
            }
            return Mount(point: Self.unescaped(words[4]), kind: String(words[dash + 1]))
        }
    }

    /// - Parameter path: absolute, without links.
    /// - Returns: nil when the table says nothing of it.
    package func kind(of path: String) -> String? {
        // The last mount at a point hides those before it.
        mounts.filter { $0.point == "/" || path == $0.point || path.hasPrefix($0.point + "/") }
            .enumerated().max { ($0.element.point.utf8.count, $0.offset) < ($1.element.point.utf8.count, $1.offset) }?
            .element.kind
    }

    /// Several machines write there, and SQLite's shared memory does not reach from one to another.
    package static func isNetwork(_ kind: String) -> Bool {
        [
            "nfs", "lustre", "gpfs", "beegfs", "ceph", "cifs", "smb", "9p", "fuse.", "glusterfs", "afs", "pvfs",
            "orangefs", "wekafs",
        ]
        .contains { kind.hasPrefix($0) }
    }

    /// Space, tab, line break and backslash stand as octal numbers.
    private static func unescaped(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            if byte == UInt8(ascii: "\\"), digits.count == 3, let value = UInt8(Substring(digits), radix: 8) {
                bytes.append(value)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
